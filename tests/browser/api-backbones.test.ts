import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApiPage, type ApiPage } from './support/api-page.js';
import { readSafetensors, withoutTensor, withTensor, writeSafetensors, type Safetensors } from './support/safetensors.js';

const BACKBONE = new URL('../../www/public/backbones/mobilenet-v2-0.75-128/', import.meta.url);

let api: ApiPage;
beforeAll(async () => {
  api = await openApiPage();
});
afterAll(() => api?.close());

describe('backbones that are refused', () => {
  const config = readFileSync(new URL('config.json', BACKBONE));
  const weights = readFileSync(new URL('model.safetensors', BACKBONE));

  const file = readSafetensors(weights);
  const first = Object.keys(file.header).find((name) => file.header[name]!.shape?.length === 4)!;
  const tensor = file.header[first]!;

  /** The weights with a value that is no number: a scale, for integers are always numbers. */
  function poisoned(): Safetensors {
    const data = Buffer.from(file.data);
    data.writeFloatLE(NaN, file.header[`${first}.scale`]!.data_offsets[0]);
    return { header: file.header, data };
  }

  /** The weights with as many values in another shape. */
  function reshaped(): Safetensors {
    const shape = [tensor.shape.reduce((a, b) => a * b), 1, 1, 1];
    return { header: { ...file.header, [first]: { ...tensor, shape } }, data: file.data };
  }

  it.each<[string, string, Buffer, Buffer]>([
    ['json that is none', 'backbone_config_invalid', Buffer.from('<html>'), weights],
    ['another architecture', 'backbone_unsupported', Buffer.from(config.toString().replace('mobilenetv2_075', 'vit_tiny')), weights],
    ['half of the weights', 'backbone_truncated', config, weights.subarray(0, weights.length / 2)],
    ['a text instead of weights', 'backbone_truncated', config, Buffer.from('not found')],
    ['a tensor less', 'backbone_tensor_missing', config, writeSafetensors(withoutTensor(file, first))],
    ['a tensor more', 'backbone_tensor_unknown', config, writeSafetensors(withTensor(file, 'stranger.weight'))],
    ['a tensor of another shape', 'backbone_tensor_shape', config, writeSafetensors(reshaped())],
    ['a value that is no number', 'backbone_tensor_not_finite', config, writeSafetensors(poisoned())],
  ])('%s: %s', async (_, code, config, weights) => {
    api.site.files.set('other/config.json', config);
    api.site.files.set('other/model.safetensors', weights);
    const refused = await api.page.evaluate(() => tools.refused(headstart.Trainer.create({ engine: 'cpu', backbone: 'other' })));
    expect(refused).toMatchObject({ code, isHeadstartError: true });
    expect(refused.message.length).toBeGreaterThan(20);
  });

  it('a folder that is not there: backbone_not_found', async () => {
    const refused = await api.page.evaluate(() => tools.refused(headstart.Trainer.create({ backbone: 'nowhere/' })));
    expect(refused).toMatchObject({ code: 'backbone_not_found', value: `${api.site.url}nowhere/` });
    expect(refused.message).toContain('404');
  });
});

it('the one that is used where nobody says is what the list of the site names', async () => {
  const { files } = api.site;
  for (const name of ['config.json', 'model.safetensors']) files.set(`backbones/another/${name}`, files.get(`small/${name}`)!);
  const begin = () =>
    api.page.evaluate(async () => {
      const trainer = await headstart.Trainer.create({ engine: 'cpu' });
      const { inputSize } = trainer.backbone;
      trainer.close();
      return inputSize;
    });
  expect(await begin()).toBe(128);
  files.set('backbones/index.json', Buffer.from(JSON.stringify({ version: 1, default: 'another', backbones: [] })));
  expect(await begin()).toBe(64);
  files.delete('backbones/index.json');
});
