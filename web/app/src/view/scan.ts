/** Reads QR codes out of pictures, byte for byte: what Sprag shows is not text. */

/** Pictures are looked at in this width at most. */
const WIDEST = 1280;

type Picture = ImageBitmap | HTMLVideoElement;

function sizeOf(picture: Picture): { width: number; height: number } {
  return picture instanceof HTMLVideoElement
    ? { width: picture.videoWidth, height: picture.videoHeight }
    : { width: picture.width, height: picture.height };
}

/** Makes what looks at one picture after another. */
export async function scanner(): Promise<(picture: Picture, patience: number) => Uint8Array | undefined> {
  const { decodeQR } = await import("qr/decode.js");
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  return (picture, patience) => {
    const { width, height } = sizeOf(picture);
    if (context === null || width === 0 || height === 0) return undefined;
    const scale = Math.min(1, WIDEST / Math.max(width, height));
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
    const parts: Uint8Array[] = [];
    try {
      const text = decodeQR(pixels, {
        timeLimit: patience,
        textDecoder: (bytes) => {
          parts.push(bytes.slice());
          return "";
        },
      });
      if (parts.length === 0) return new TextEncoder().encode(text);
    } catch {
      return undefined;
    }
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  };
}

/** The code in a picture that somebody chose. */
export async function scanFile(file: Blob): Promise<Uint8Array | undefined> {
  const [look, picture] = await Promise.all([scanner(), createImageBitmap(file)]);
  try {
    return look(picture, 1500);
  } finally {
    picture.close();
  }
}

/** What was scanned, as the text that it may be. */
export function asText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).trim();
}
