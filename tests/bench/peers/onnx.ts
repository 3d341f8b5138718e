/** A network as an ONNX model. */
import protobuf from 'protobufjs';
import { toInt8, type Network } from './network.js';

/** Numbers of ONNX's enumerations. */
const [FLOAT, INT8] = [1, 3];
const [INT, INTS] = [2, 7];
/** Any that has `Clip` with its limits as inputs. */
const [IR_VERSION, OPSET] = [8, 17];

/**
 * Pictures `input` `[batch, 3, size, size]`, normalised, to `features` `[batch, features]`. The batch is fixed, so that all can be planned
 * ahead. With `small` the weights are int8.
 */
export async function writeOnnx(network: Network, batch: number, small = false): Promise<Uint8Array> {
  const root = await protobuf.load(new URL('onnx.proto', import.meta.url).pathname);
  const node: object[] = [];
  const initializer: object[] = [];
  const constant = (name: string, dims: number[], values: Float32Array | Int8Array): string => {
    initializer.push({ name, dims, dataType: values instanceof Int8Array ? INT8 : FLOAT, rawData: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) });
    return name;
  };
  const add = (opType: string, input: string[], attribute: object[] = [], output = `value.${node.length}`): string => {
    node.push({ opType, input, output: [output], attribute });
    return output;
  };
  const ints = (name: string, ...values: number[]): object => ({ name, type: INTS, ints: values });

  const limits = [constant('zero', [], Float32Array.of(0)), constant('six', [], Float32Array.of(6))];
  const int8 = small ? toInt8(network) : undefined;
  let scales = 0;
  let x = 'input';
  for (const [stage, { convolutions, residual }] of network.stages.entries()) {
    const entered = x;
    for (const [i, { inputs, outputs, kernel, stride, depthwise, relu6, weight, bias }] of convolutions.entries()) {
      const dims = [outputs, depthwise ? 1 : inputs, kernel, kernel];
      const length = dims.reduce((a, b) => a * b);
      const padding = kernel >> 1;
      let weights = constant(`weight.${stage}.${i}`, dims, (int8?.weights ?? network.numbers).subarray(weight, weight + length));
      if (int8) {
        const scale = constant(`scale.${stage}.${i}`, [outputs], int8.floats.subarray(scales, scales + outputs));
        weights = add('DequantizeLinear', [weights, scale], [{ name: 'axis', type: INT, i: 0 }]);
        scales += 2 * outputs;
      }
      const biases = constant(`bias.${stage}.${i}`, [outputs], network.numbers.subarray(bias, bias + outputs));
      x = add('Conv', [x, weights, biases], [
        ints('kernel_shape', kernel, kernel),
        ints('strides', stride, stride),
        ints('pads', padding, padding, padding, padding),
        { name: 'group', type: INT, i: depthwise ? inputs : 1 },
      ]);
      if (relu6) x = add('Clip', [x, ...limits]);
    }
    if (residual) x = add('Add', [entered, x]);
  }
  add('Flatten', [add('GlobalAveragePool', [x])], [], 'features');

  const value = (name: string, ...dims: number[]): object => ({
    name,
    type: { tensorType: { elemType: FLOAT, shape: { dim: dims.map((dimValue) => ({ dimValue })) } } },
  });
  const model = {
    irVersion: IR_VERSION,
    opsetImport: [{ domain: '', version: OPSET }],
    graph: {
      name: 'backbone',
      node,
      initializer,
      input: [value('input', batch, 3, network.size, network.size)],
      output: [value('features', batch, network.features)],
    },
  };
  const type = root.lookupType('onnx.ModelProto');
  return type.encode(type.fromObject(model)).finish();
}
