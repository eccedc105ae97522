/** A QR code, drawn as one path: dark on light whatever the theme is, since cameras want it so. */
import { useEffect, useState } from "preact/hooks";

/** Modules of light around it: what cameras want, less what the frame gives. */
const QUIET = 3;

interface Drawn { readonly size: number; readonly path: string }

/** Bytes as text with one letter each, which is how they go through the encoder. */
function letters(content: string | Uint8Array): string {
  return typeof content === "string" ? content : Array.from(content, (byte) => String.fromCharCode(byte)).join("");
}

async function draw(content: string | Uint8Array): Promise<Drawn> {
  const { encodeQR } = await import("qr");
  const rows = encodeQR(letters(content), "raw", {
    ecc: "medium",
    encoding: "byte",
    border: QUIET,
    textEncoder: (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0)),
  });
  const path = rows.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${String(x)} ${String(y)}h1v1h-1z`] : []))).join("");
  return { size: rows.length, path };
}

export function QrCode({ content, label }: { content: string | Uint8Array; label: string }) {
  const [drawn, setDrawn] = useState<Drawn | undefined>(undefined);
  useEffect(() => {
    let isCurrent = true;
    draw(content).then((done) => { if (isCurrent) setDrawn(done); }, () => undefined);
    return () => { isCurrent = false; };
  }, [content]);
  const side = String(drawn?.size ?? 35);
  return (
    <div class="qr">
      <svg viewBox={`0 0 ${side} ${side}`} role="img" aria-label={label} shape-rendering="crispEdges">
        {drawn !== undefined && <path d={drawn.path} />}
      </svg>
    </div>
  );
}
