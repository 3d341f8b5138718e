/** Opening a saved model that only refers to its backbone. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openModel } from '../../www/worker/fetch.js';
import { refusal } from '../../www/worker/failure.js';

const BESIDE = 'https://site.example/backbones/';

/** A session that opens a model with its backbone only. */
function opening(name: string) {
  return vi.fn(async (config?: string, weights?: Uint8Array) => {
    if (!weights) throw refusal('model_needs_backbone', 'It needs its backbone.', name);
    return `${config} ${weights.length}`;
  });
}

/** A server that has these files and no others. */
function serve(files: Record<string, string>): string[] {
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (url: string) => {
    asked.push(url);
    return url in files ? new Response(files[url]) : new Response('', { status: 404 });
  });
  return asked;
}

afterEach(() => vi.unstubAllGlobals());

describe('openModel', () => {
  it('fetches nothing for a model with its backbone in it', async () => {
    const asked = serve({});
    expect(await openModel({ beside: BESIDE }, async () => 'whole')).toBe('whole');
    expect(asked).toEqual([]);
  });

  it('fetches the backbone that the model names, once', async () => {
    const asked = serve({ [`${BESIDE}a-name/config.json`]: 'card', [`${BESIDE}a-name/model.safetensors`]: 'weights' });
    const open = opening('a-name');
    expect(await openModel({ beside: BESIDE }, open)).toBe('card 7');
    expect(asked.sort()).toEqual([`${BESIDE}a-name/config.json`, `${BESIDE}a-name/model.safetensors`]);
    expect(open).toHaveBeenCalledTimes(2);
  });

  it('takes the one that it is told instead', async () => {
    const asked = serve({});
    const instead = { config: 'own', weights: new Blob(['1234']) };
    expect(await openModel({ beside: BESIDE, instead }, opening('a-name'))).toBe('own 4');
    expect(asked).toEqual([]);
  });

  it('looks nowhere else, whatever the name', async () => {
    const asked = serve({});
    await expect(openModel({ beside: BESIDE }, opening('../else/where?x'))).rejects.toMatchObject({ code: 'backbone_not_found' });
    for (const url of asked) expect(url.startsWith(BESIDE)).toBe(true);
  });

  it('tells what else is wrong as it is', async () => {
    serve({});
    const broken = openModel({ beside: BESIDE }, async () => Promise.reject(refusal('model_file_invalid', 'No model.')));
    await expect(broken).rejects.toMatchObject({ code: 'model_file_invalid' });
  });
});
