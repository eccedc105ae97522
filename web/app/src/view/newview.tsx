/** Beginning a conversation. */
import { useState } from "preact/hooks";
import type { Chat } from "../model/chat.js";
import type { Problem } from "../model/words.js";
import { Field, PageHead, ProblemBox } from "./parts.jsx";

export function NewView({ chat }: { chat: Chat }) {
  const [name, setName] = useState("");
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const [isBusy, setBusy] = useState(false);
  const submit = (event: Event) => {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    setProblem(undefined);
    void chat.begin(name).then((wrong) => {
      setBusy(false);
      setProblem(wrong);
    });
  };
  return (
    <div class="page">
      <PageHead title="New conversation" onBack={() => { chat.places.back(); }} />
      <div class="page-body">
        <form class="form" onSubmit={submit} novalidate>
          <Field label="Whom do you want to write to?" value={name} onInput={setName} required autofocus max={65}
            hint={`Their name at ${host(chat.client.relay)}.`} invalid={problem !== undefined} />
          <ProblemBox problem={problem} />
          <div class="actions is-start">
            <button type="submit" class="button primary" disabled={isBusy || name.trim() === ""}>{isBusy ? "Looking" : "Begin"}</button>
          </div>
        </form>
      </div>
    </div>
  );
}

function host(relay: string): string {
  try {
    return new URL(relay).host;
  } catch {
    return relay;
  }
}
