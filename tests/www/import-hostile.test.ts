import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { openZip } from '../../www/import/zip.js';
import { announcing, type Archive, png, type Written, zipOf } from './support/zip.js';

const good: Written = { name: 'cats/1.png', bytes: png('one') };
const open = (entries: readonly Written[], archive?: Archive) => openZip(zipOf('x.zip', entries, archive), []);

/** So many damaged zips are tried; HEADSTART_INPUTS asks for more. */
const INPUTS = Number(process.env['HEADSTART_INPUTS'] ?? 500);

describe('a hostile zip', () => {
  it.each<[string, Written[], Archive, string, RegExp]>([
    ['leads out of itself', [good, { name: '../../evil.png', bytes: 'x' }], {}, 'zip_unsafe_name', /“\.\.\/\.\.\/evil\.png”/],
    ['leads out the Windows way', [{ name: 'a\\..\\..\\evil.png', bytes: 'x' }], {}, 'zip_unsafe_name', /leads out/],
    ['has an absolute name', [{ name: '/etc/passwd', bytes: 'x' }], {}, 'zip_unsafe_name', /leads out/],
    ['names a drive', [{ name: 'C:/evil.png', bytes: 'x' }], {}, 'zip_unsafe_name', /leads out/],
    ['names a share', [{ name: '\\\\server\\evil.png', bytes: 'x' }], {}, 'zip_unsafe_name', /leads out/],
    ['has a name with a zero byte', [{ name: 'a\0.png', bytes: 'x' }], {}, 'zip_unsafe_name', /“a�\.png”/],
    ['has no name', [{ name: '', bytes: 'x' }], {}, 'zip_unsafe_name', /leads out/],
    ['has a name of absurd length', [{ name: `${'a'.repeat(60_000)}.png`, bytes: 'x' }], {}, 'zip_name_too_long', /60,004 letters/],
    ['has one name twice', [good, { ...good, bytes: png('other') }], {}, 'zip_duplicate_name', /“cats\/1\.png”/],
    ['has one name twice in two ways', [good, { ...good, name: './cats//1.png' }], {}, 'zip_duplicate_name', /twice/],
    ['announces files that are not there', [good], { announced: 60_000 }, 'zip_invalid', /damaged/],
  ])('that %s is refused', async (_, entries, archive, code, reason) => {
    const refusal: unknown = await open(entries, archive).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ name: 'ImportRefusal', code, reason: expect.stringMatching(reason) });
  });

  it('that announces ten million files is refused before they are listed', async () => {
    const file = announcing(await zipOf('x.zip', [good]).arrayBuffer(), 10_000_000);
    await expect(openZip(file, [])).rejects.toMatchObject({
      code: 'zip_too_many_files',
      reason: 'has 10,000,000 files in it, and at most 100,000 are read from a zip',
    });
  });

  it('whose directory would fill the memory is not read', async () => {
    const end = Buffer.from(await zipOf('x.zip', []).arrayBuffer());
    end.writeUInt16LE(100, 8);
    end.writeUInt16LE(100, 10);
    end.writeUInt32LE(200_000_000, 12);
    // A file that is as long as it says, without anything in it.
    const long = new Blob([Buffer.from('PK\x01\x02', 'latin1'), new Uint8Array(200_000_000 - 4), end]);
    await expect(openZip(long, [])).rejects.toMatchObject({ code: 'zip_too_many_files' });
  });

  it.each([0, 1, 21, 40, 60, 150])('that ends after %i bytes is refused', async (length) => {
    const whole = zipOf('x.zip', [good, { name: 'dogs/2.png', bytes: png('two') }]);
    await expect(openZip(whole.slice(0, length), [])).rejects.toMatchObject({ name: 'ImportRefusal', code: 'zip_truncated' });
  });

  it('keeps what can be read of it', async () => {
    const locked = { name: 'a/locked.png', bytes: 'x', encrypted: true, method: 0 };
    const { files, leftOut } = await open([good, locked, { name: 'a/lzma.png', bytes: 'x', method: 14 }, { name: 'a/big.png', bytes: 'x', size: 3e9 }]);
    expect(files.map(({ name }) => name)).toEqual(['1.png']);
    expect(leftOut).toEqual([
      { name: 'a/locked.png', reason: 'is locked with a password' },
      { name: 'a/lzma.png', reason: 'is packed in a way that cannot be read here (LZMA)' },
      { name: 'a/big.png', reason: 'is larger than 100 MB unpacked' },
    ]);
  });

  it('is refused where it says that it is larger than may be', async () => {
    const entries = Array.from({ length: 7 }, (_, index) => ({ name: `${index}.png`, bytes: 'x', size: 3e9 }));
    await expect(open(entries)).rejects.toMatchObject({ code: 'zip_too_large', reason: 'would be more than 20 GB unpacked' });
  });

  it.each<[string, Written, string]>([
    ['other bytes', { ...good, crc: 1 }, 'zip_checksum'],
    ['other bytes, not packed', { ...good, crc: 1, method: 0 }, 'zip_checksum'],
    ['more bytes than it says', { ...good, bytes: Buffer.alloc(5e6), size: 100 }, 'zip_size'],
    ['a bomb', { ...good, bytes: Buffer.alloc(60e6), size: 1000 }, 'zip_size'],
    ['what is not packed at all', { ...good, bytes: png('not deflated'), method: 0 }, 'none'],
  ])('with %s is found out as it unpacks', async (_, entry, code) => {
    const { files } = await open([entry]);
    const outcome: unknown = await files[0]?.read().then(() => ({ code: 'none' }), (error: unknown) => error);
    expect(outcome).toMatchObject({ code });
  });

  it.each([0, 8])('shows the first bytes of a file with any name and of any size (method %i)', async (method) => {
    const long = Buffer.concat([png('a'), randomBytes(1e6)]);
    const entries = [
      { name: 'short.png', bytes: png('') },
      { name: 'long.png', bytes: long },
      { name: `${'n'.repeat(990)}.png`, bytes: long },
      { name: 'zeros', bytes: Buffer.alloc(1e6) },
      { name: 'nothing', bytes: '' },
    ].map((entry) => ({ ...entry, method }));
    for (const archive of [zipOf('x.zip', entries), new Blob(['a program that unpacks itself', zipOf('x.zip', entries)])]) {
      const { files } = await openZip(archive, []);
      const heads = await Promise.all(files.map(async (file) => Buffer.from(await file.head(64)).toString('hex')));
      expect(heads).toEqual(entries.map(({ bytes }) => Buffer.from(bytes as string).subarray(0, 64).toString('hex')));
    }
  });

  it('of any random damage is read or refused, and nothing else', async () => {
    const whole = Buffer.from(await zipOf('x.zip', [good, { name: 'dogs/2.png', bytes: png('two'), method: 0 }], { comment: 'hello' }).arrayBuffer());
    let seed = 20_261_122;
    const random = (below: number) => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) % below;
    let read = 0;
    for (let input = 0; input < INPUTS; input += 1) {
      const bytes = Buffer.from(whole.subarray(0, random(8) === 0 ? random(whole.length) : whole.length));
      for (let change = random(4); change >= 0 && bytes.length > 0; change -= 1) bytes[random(bytes.length)] = random(256);
      try {
        const { files } = await openZip(new Blob([bytes]), []);
        for (const file of files) await file.head(64);
        for (const file of files) await file.read();
        read += 1;
      } catch (error) {
        expect(error, bytes.toString('hex')).toMatchObject({ name: 'ImportRefusal' });
      }
    }
    // Some damage does not matter, such as a date.
    expect(read).toBeGreaterThan(INPUTS * 0.03);
    expect(read).toBeLessThan(INPUTS * 0.97);
  });
});
