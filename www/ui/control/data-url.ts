/**
 * An address with a small picture in it. To give a file a name of its own (`createObjectURL`), the page would wait for the browser each time, and
 * the picture would break where its file goes while it is being loaded.
 */
export async function dataUrl(blob: Blob): Promise<string> {
  let text = '';
  for (const byte of new Uint8Array(await blob.arrayBuffer())) text += String.fromCharCode(byte);
  return `data:${blob.type};base64,${btoa(text)}`;
}
