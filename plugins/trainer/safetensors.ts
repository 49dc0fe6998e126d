import { isObject } from '../../src/index.js';

/** Little-endian on every machine that Node runs on with a trainer. */
export type Tensor = Int32Array | Float32Array;

/** Tensors of one dimension by name. */
export type Tensors = Readonly<Record<string, Tensor>>;

const ALIGNMENT = 8;
/** No file of ours has a header of more; a broken length would ask for all memory. */
const MAX_HEADER = 2 ** 20;

/** The parts of a safetensors file (github.com/huggingface/safetensors: length of the header, header as JSON, data). */
export function* safetensorsParts(tensors: Tensors): Generator<Uint8Array> {
  let end = 0;
  const header = Object.entries(tensors).map(([name, tensor]) => {
    const begin = end;
    end += tensor.byteLength;
    const dtype = tensor instanceof Int32Array ? 'I32' : 'F32';
    return [name, { dtype, shape: [tensor.length], data_offsets: [begin, end] }];
  });
  const json = JSON.stringify(Object.fromEntries(header));
  const padded = json.padEnd(Math.ceil(Buffer.byteLength(json) / ALIGNMENT) * ALIGNMENT);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(padded)));
  yield length;
  yield Buffer.from(padded);
  for (const tensor of Object.values(tensors))
    yield new Uint8Array(tensor.buffer, tensor.byteOffset, tensor.byteLength);
}

/** The F32 tensors of one dimension of a safetensors file, others are passed over. Throws an Error that says what is wrong with the bytes. */
export function float32Tensors(bytes: Uint8Array): Readonly<Record<string, Float32Array>> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8) throw new Error(`it has ${bytes.length} bytes`);
  const headerLength = Number(view.getBigUint64(0, true));
  const start = 8 + headerLength;
  if (headerLength > MAX_HEADER || start > bytes.length)
    throw new Error(`its header is said to have ${headerLength} bytes, the file has ${bytes.length}`);
  const header: unknown = JSON.parse(Buffer.from(bytes.subarray(8, start)).toString());
  if (!isObject(header)) throw new Error('its header is no object');
  return Object.fromEntries(
    Object.entries(header).flatMap(([name, entry]) => {
      if (!isObject(entry) || entry['dtype'] !== 'F32') return [];
      const [from, to] = entry['data_offsets'] as [number, number];
      if (!(from >= 0 && from <= to && start + to <= bytes.length && (to - from) % 4 === 0))
        throw new Error(`"${name}" is not inside of the file`);
      // Copied: data may begin at any byte, and views of floats may not.
      const values = new Float32Array((to - from) / 4);
      new Uint8Array(values.buffer).set(bytes.subarray(start + from, start + to));
      return [[name, values] as const];
    }),
  );
}
