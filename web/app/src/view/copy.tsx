/** Puts text on the clipboard, and says that it did. */
import { useEffect, useState } from "preact/hooks";
import { Icon } from "./icons.jsx";

export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (said === "") return;
    const timer = setTimeout(() => { setSaid(""); }, 2500);
    return () => { clearTimeout(timer); };
  }, [said]);
  const copy = () => {
    navigator.clipboard.writeText(text).then(
      () => { setSaid("Copied"); },
      () => { setSaid("Select the text and copy it"); },
    );
  };
  return (
    <>
      <button type="button" class="button small" onClick={copy}>
        <Icon sign={said === "Copied" ? "sent" : "copy"} size={16} />{said === "" ? label : said}
      </button>
      <span role="status" class="unseen">{said}</span>
    </>
  );
}
