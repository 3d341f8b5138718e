import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { CONTENT_SECURITY_POLICY } from '../../www/security.js';

it('has the same policy in the page as in the headers', () => {
  const page = readFileSync(new URL('../../www/index.html', import.meta.url), 'utf8');
  const [, meta] = /http-equiv="Content-Security-Policy"\s+content="([^"]*)"/.exec(page) ?? [];
  expect(meta).toBe(CONTENT_SECURITY_POLICY);
});
