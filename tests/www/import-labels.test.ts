import { describe, expect, it } from 'vitest';
import { listOfJson, listOfTable } from '../../www/import/labels.js';
import { matchList } from '../../www/import/match.js';
import type { Given } from '../../www/import/types.js';
import { pictureKind } from '../../www/picture-kind.js';

const rows = async (text: string) => (await listOfTable(text))?.rows.map(({ file, label, group }) => [file, label, ...(group === undefined ? [] : [group])]);

function given(path: string): Given {
  const folders = path.split('/');
  const name = folders.pop() ?? '';
  return { name, folders, size: 1, head: () => Promise.reject(new Error('unread')), read: () => Promise.reject(new Error('unread')) };
}

describe('tables of labels', () => {
  it.each([
    ['commas', 'filename,label\n1.jpg,cat\n2.jpg,dog', [['1.jpg', 'cat'], ['2.jpg', 'dog']]],
    ['semicolons and lines of Windows', 'Image;Class;Group\r\n1.jpg;cat;a\r\n2.jpg;dog;\r\n', [['1.jpg', 'cat', 'a'], ['2.jpg', 'dog']]],
    ['tabs', 'path\tcategory\tsubject\n1.jpg\tcat\t7\n', [['1.jpg', 'cat', '7']]],
    ['quotes', 'file,label\n"a, b.jpg","the ""big"" one"\n', [['a, b.jpg', 'the "big" one']]],
    ['columns in another order, and more of them', 'age,class,patient,image id\n3,cat,p,1\n', [['1', 'cat', 'p']]],
    ['no header', '1.jpg,cat\n2.jpg,dog,b\n', [['1.jpg', 'cat'], ['2.jpg', 'dog', 'b']]],
    ['empty lines and cells', 'file,label\n\n1.jpg,\n,cat\n  \n2.jpg,dog', [['1.jpg', ''], ['2.jpg', 'dog']]],
    ['other letters', 'file,label\nКот.jpg,котик\n猫.jpg,ねこ', [['Кот.jpg', 'котик'], ['猫.jpg', 'ねこ']]],
  ])('are read with %s', async (_, text, expected) => {
    expect(await rows(text)).toEqual(expected);
  });

  it('of one column are none', async () => {
    expect(await listOfTable('1.jpg\n2.jpg')).toBeNull();
    expect(await listOfTable('')).toBeNull();
  });

  it('of a hundred thousand random bytes do no harm', async () => {
    let seed = 7;
    const random = (below: number) => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) % below;
    const letters = 'ab,;\t"\n\r \0é{}[]:';
    for (let input = 0; input < 500; input += 1) {
      const text = Array.from({ length: 200 }, () => letters[random(letters.length)]).join('');
      for (const list of [await listOfTable(text), listOfJson(text)]) for (const row of list?.rows ?? []) expect(row.file).not.toBe('');
    }
  });
});

describe('JSON of labels', () => {
  it('is an object or a list of them', () => {
    expect(listOfJson('{"1.jpg":"cat","2.jpg":3}')?.rows).toEqual([{ file: '1.jpg', label: 'cat' }, { file: '2.jpg', label: '3' }]);
    expect(listOfJson('[{"image":"1.jpg","class":"cat","group":1},{"class":"dog"},null,7]')?.rows).toEqual([{ file: '1.jpg', label: 'cat', group: '1' }]);
  });

  it.each(['', 'nope', '7', 'null', '[]', '{}', '[[1,2]]', '{"a":{"b":1}}'])('is not %s', (text) => {
    expect(listOfJson(text)).toBeNull();
  });

  it('may name what every object has', () => {
    expect(listOfJson('{"__proto__":"cat","constructor":"dog"}')?.rows).toEqual([{ file: '__proto__', label: 'cat' }, { file: 'constructor', label: 'dog' }]);
  });
});

describe('names in a list', () => {
  const found = (names: string[], paths: string[], folders: string[] = []) => {
    const { labels, missing, twice } = matchList({ rows: names.map((file, index) => ({ file, label: String(index) })), hasHeader: true }, folders, paths.map(given));
    return { found: [...labels].map(([file, { label }]) => [[...file.folders, file.name].join('/'), label]), missing, twice };
  };

  it.each([
    ['1.jpg', 'images/1.jpg'],
    ['images/1.jpg', 'set/images/1.jpg'],
    ['.\\images\\1.JPG', 'images/1.jpg'],
    ['../images/1.jpg', 'set/images/1.jpg'],
    ['/home/me/data/images/1.jpg', 'images/1.jpg'],
    ['1', 'images/1.jpeg'],
    ['v1.2', 'v1.2.png'],
  ])('%s means %s', (name, path) => {
    expect(found([name], [path, 'other/2.jpg']).found).toEqual([[path, '0']]);
  });

  it('mean nothing where two files could be meant, or another folder is', () => {
    expect(found(['1.jpg'], ['a/1.jpg', 'b/1.jpg'])).toEqual({ found: [], missing: ['1.jpg'], twice: [] });
    expect(found(['test/1.jpg'], ['train/1.jpg']).missing).toEqual(['test/1.jpg']);
    // What lies directly beside the list is meant before what lies deeper.
    expect(found(['1.jpg'], ['set/1.jpg', 'set/old/1.jpg'], ['set']).found).toEqual([['set/1.jpg', '0']]);
    expect(found(['1.jpg'], ['other/1.jpg'], ['set']).missing).toEqual(['1.jpg']);
  });

  it('count once', () => {
    expect(found(['1.jpg', './1.jpg'], ['1.jpg'])).toEqual({ found: [['1.jpg', '0']], missing: [], twice: ['./1.jpg'] });
  });
});

describe('the kind of a picture', () => {
  const kind = (text: string) => pictureKind(Buffer.from(text, 'latin1'));

  it.each([
    ['\xff\xd8\xff\xe0', 'JPEG'],
    ['\x89PNG\r\n\x1a\n', 'PNG'],
    ['RIFF\0\0\0\0WEBPVP8 ', 'WebP'],
    ['GIF89a', 'GIF'],
    ['BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0', 'BMP'],
    ['\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'HEIC'],
    ['\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf', 'HEIC'],
    ['\0\0\0\x20ftypavif\0\0\0\0avifmif1miafMA1B', 'AVIF'],
    ['\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf', 'AVIF'],
    ['II*\0', 'TIFF'],
    ['MM\0*', 'TIFF'],
    ['II*\0\x10\0\0\0CR\x02\0', 'camera raw'],
    ['\xff\x0a', 'JPEG XL'],
    ['8BPS', 'Photoshop'],
    ['<svg xmlns', 'SVG'],
    ['<?xml version="1.0"?>\n<svg>', 'SVG'],
    ['\0\0\0\x18ftypmp42\0\0\0\0isommp42', null],
    ['BMW is a car, you know', null],
    ['%PDF-1.7', null],
    ['', null],
  ])('of %j is %s', (bytes, expected) => {
    expect(kind(bytes)).toBe(expected);
  });
});
