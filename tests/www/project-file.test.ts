import { expect, it } from 'vitest';
import { readProjectFile, writeProjectFile } from '../../www/storage/project-file.js';

it('a project file opens again with a backbone as large as ResNet-50', async () => {
  // 25.6 million values.
  const weights = new Blob([new Uint8Array(102_400_000).fill(7)]);
  const trainer = { id: '', project: '{}', model: null, backbone: { weights }, backboneName: 'resnet50', models: 0 };
  const file = await writeProjectFile({ name: 'Large', stale: false, served: null, trainer, pictures: [] }, () => undefined);
  const read = await readProjectFile(file);
  expect(read).toMatchObject({ name: 'Large', backbone: 'resnet50', project: '{}' });
  expect(read.files?.weights.size).toBe(weights.size);
});
