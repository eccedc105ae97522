/** Taking a code from somebody else's screen: by the camera, or from a picture. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "./icons.jsx";
import { Dialog } from "./parts.jsx";
import { scanFile, scanner } from "./scan.js";

export function ScanButtons({ onFound, what }: { onFound: (bytes: Uint8Array) => void; what: string }) {
  const [isLooking, setLooking] = useState(false);
  const [said, setSaid] = useState("");
  const file = useRef<HTMLInputElement>(null);
  const hasCamera = "mediaDevices" in navigator;
  const take = (chosen: File | undefined) => {
    if (chosen === undefined) return;
    setSaid("Looking at the picture");
    scanFile(chosen).then((found) => {
      setSaid(found === undefined ? "There is no code in this picture that can be read. Take the whole code, straight on." : "");
      if (found !== undefined) onFound(found);
    }, () => { setSaid("This is not a picture that this browser can open."); });
  };
  return (
    <div class="scan">
      <div class="actions is-start">
        {hasCamera && (
          <button type="button" class="button" onClick={() => { setLooking(true); }}><Icon sign="camera" />Scan {what}</button>
        )}
        <button type="button" class="button" onClick={() => { file.current?.click(); }}><Icon sign="image" />From a picture</button>
        <input ref={file} type="file" accept="image/*" class="unseen" tabIndex={-1} aria-label={`A picture of ${what}`}
          onChange={(event) => {
            take(event.currentTarget.files?.[0]);
            event.currentTarget.value = "";
          }} />
      </div>
      <p role="status" class="hint">{said}</p>
      {isLooking && (
        <Camera onClose={() => { setLooking(false); }} onFound={(bytes) => {
          setLooking(false);
          setSaid("");
          onFound(bytes);
        }} />
      )}
    </div>
  );
}

function Camera({ onFound, onClose }: { onFound: (bytes: Uint8Array) => void; onClose: () => void }) {
  const video = useRef<HTMLVideoElement>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const end = new AbortController();
    watch(video, end.signal, onFound).catch((error: unknown) => {
      if (!end.signal.aborted) setProblem(cameraProblem(error));
    });
    return () => { end.abort(); };
  }, []);
  return (
    <Dialog title="Hold the code before the camera" onClose={onClose}>
      {problem === ""
        ? <div class="camera"><video ref={video} muted playsInline aria-label="What the camera sees" /></div>
        : <p role="alert">{problem}</p>}
      <div class="actions"><button type="button" class="button" onClick={onClose}>Cancel</button></div>
    </Dialog>
  );
}

function cameraProblem(error: unknown): string {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError") return "The camera is not allowed for this page. Allow it in the browser, or take the code from a picture.";
  if (name === "NotFoundError") return "There is no camera here. Take the code from a picture, or paste it as text.";
  return "The camera cannot be used now: another program may have it. Take the code from a picture, or paste it as text.";
}

async function watch(video: { current: HTMLVideoElement | null }, signal: AbortSignal, onFound: (bytes: Uint8Array) => void): Promise<void> {
  const [look, stream] = await Promise.all([
    scanner(),
    navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } }),
  ]);
  const stop = () => { for (const track of stream.getTracks()) track.stop(); };
  if (signal.aborted) {
    stop();
    return;
  }
  signal.addEventListener("abort", stop);
  const shown = video.current;
  if (shown === null) return;
  shown.srcObject = stream;
  await shown.play();
  const frame = () => {
    if (signal.aborted) return;
    const found = look(shown, 30);
    if (found === undefined) requestAnimationFrame(frame);
    else onFound(found);
  };
  frame();
}
