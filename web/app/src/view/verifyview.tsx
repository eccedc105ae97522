/** Whether somebody is who one thinks: the number, the code, comparing, and a key that has changed. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Chat } from "../model/chat.js";
import type { SafetyNumber } from "../model/sprag.js";
import { SAFETY_PREFIX, type Verdict, type Verifying } from "../model/verifying.js";
import { CopyButton } from "./copy.jsx";
import { Icon } from "./icons.jsx";
import { Box, Confirm, PageHead, ProblemBox, TrustBadge } from "./parts.jsx";
import { QrCode } from "./qr.jsx";
import { ScanButtons } from "./scanning.jsx";

export function VerifyView({ chat, verifying }: { chat: Chat; verifying: Verifying }) {
  const user = verifying.with;
  const peer = verifying.peer.value;
  const number = verifying.number.value;
  const offered = verifying.offered.value;
  const trust = peer?.trust;
  return (
    <div class="page">
      <PageHead title={`Verify ${user}`} onBack={() => { chat.places.back(); }}>
        {trust !== undefined && <TrustBadge trust={trust} />}
      </PageHead>
      <div class="page-body">
        <ProblemBox problem={verifying.problem.value} />
        {offered !== undefined && <ChangedKey verifying={verifying} />}
        {number !== undefined && offered === undefined && (
          <section aria-labelledby="number-head">
            <h2 id="number-head">Your safety number with {user}</h2>
            <p>It is made of both your keys. If {user} sees the same one, nobody sits between you.</p>
            <Number number={number} user={user} />
          </section>
        )}
        {offered !== undefined && (
          <section aria-labelledby="offered-head">
            <h2 id="offered-head">The new safety number</h2>
            <Number number={offered} user={user} />
          </section>
        )}
        {number !== undefined && <Compare verifying={verifying} />}
        {number !== undefined && offered !== undefined && (
          <details>
            <summary>The number before</summary>
            <Digits number={number} />
          </details>
        )}
      </div>
    </div>
  );
}

function Number({ number, user }: { number: SafetyNumber; user: string }) {
  return (
    <div class="number">
      <Digits number={number} />
      <QrCode content={number.qr} label={`Your safety number with ${user} as a code, for their camera`} />
      <div class="code-row">
        <code class="code-text">{SAFETY_PREFIX}{number.qrText}</code>
        <CopyButton text={`${SAFETY_PREFIX}${number.qrText}`} label="Copy code" />
      </div>
    </div>
  );
}

/** Twelve groups of five digits, four in a row. */
function Digits({ number }: { number: SafetyNumber }) {
  return (
    <p class="digits" aria-label={`Safety number: ${number.groups.join(", ")}`} role="img">
      {number.groups.map((group, at) => <span key={at}>{group}</span>)}
    </p>
  );
}

function Compare({ verifying }: { verifying: Verifying }) {
  const user = verifying.with;
  const verdict = verifying.verdict.value;
  const answer = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // After a camera or a picture it may be below what is in view.
    if (verdict !== undefined) answer.current?.scrollIntoView({ block: "nearest" });
  }, [verdict]);
  return (
    <section aria-labelledby="compare-head">
      <h2 id="compare-head">Compare</h2>
      <p>Face to face or in a call: read the digits to each other, or take {user}’s code. A message here proves nothing.</p>
      <ScanButtons what={`${user}’s code`} onFound={(bytes) => { verifying.scan(bytes); }} />
      <div class="field">
        <label for="pasted">Or paste {user}’s code or digits</label>
        <textarea id="pasted" class="mono" rows={3} value={verifying.pasted.value} spellcheck={false} autocomplete="off"
          aria-describedby="verdict" onInput={(event) => { verifying.paste(event.currentTarget.value); }} />
      </div>
      <div id="verdict" role="status" ref={answer}>{verdict !== undefined && <VerdictBox verifying={verifying} verdict={verdict} />}</div>
      <Decide verifying={verifying} />
    </section>
  );
}

function VerdictBox({ verifying, verdict }: { verifying: Verifying; verdict: Verdict }) {
  const user = verifying.with;
  const isOld = verifying.offered.value !== undefined && !verdict.isOffered;
  const known = verifying.peer.value?.trust.state === "verified" ? " It stays marked as verified." : "";
  switch (verdict.comparison) {
    case "match":
      return isOld
        ? <Box tone="bad" sign="warning"><p><strong>Not the same.</strong> {user} has the number of before: the new key is not theirs. Do not accept it.</p></Box>
        : <Box tone="good" sign="verified"><p><strong>The same.</strong> {user} sees this number too: nobody sits between you.{known}</p></Box>;
    case "ours-differs":
      return <Box tone="bad" sign="warning"><p><strong>Not the same.</strong> {user} has another key for you. They may not have taken your new key yet, or somebody sits between you. Do not mark as verified.</p></Box>;
    case "theirs-differs":
      return <Box tone="bad" sign="warning"><p><strong>Not the same.</strong> {user} has another key than you see. Somebody may sit between you. Do not mark as verified.</p></Box>;
    case "both-differ":
    case "differs":
      return <Box tone="bad" sign="warning"><p><strong>Not the same.</strong> Is this the code of your conversation with {user}? If it is, somebody may sit between you: do not mark as verified.</p></Box>;
    case "incomplete":
      return <Box tone="info" sign="clock"><p>The same so far. Go on, until all 60 digits are there.</p></Box>;
    case "not-a-code":
      return <Box tone="caution" sign="warning"><p><strong>This is no safety number.</strong> It is 60 digits, or text that begins with {SAFETY_PREFIX}</p></Box>;
    case "other-version":
      return <Box tone="caution" sign="warning"><p><strong>This is of another version of Sprag.</strong> Bring both up to date, then compare again.</p></Box>;
  }
}

function Decide({ verifying }: { verifying: Verifying }) {
  const user = verifying.with;
  const state = verifying.peer.value?.trust.state;
  const verdict = verifying.verdict.value;
  const isBusy = verifying.busy.value;
  if (state === undefined || verifying.offered.value !== undefined) return null;
  if (state === "verified") {
    return (
      <div class="decide">
        <p><Icon sign="verified" size={18} /> You have verified {user}.</p>
        <button type="button" class="button small" disabled={isBusy} onClick={() => { void verifying.setVerified(false); }}>Take that back</button>
      </div>
    );
  }
  const isSame = verdict?.comparison === "match";
  const isWrong = verdict !== undefined && !isSame && verdict.comparison !== "incomplete" && verdict.comparison !== "not-a-code";
  return (
    <div class="decide">
      <button type="button" class="button primary" disabled={isBusy || isWrong} onClick={() => { void verifying.setVerified(true); }}>
        <Icon sign="verified" />{isSame ? `Mark ${user} as verified` : "I have compared: it is the same"}
      </button>
    </div>
  );
}

/** What changed, the usual cause, what to do. */
function ChangedKey({ verifying }: { verifying: Verifying }) {
  const [isAsking, setAsking] = useState(false);
  const user = verifying.with;
  const trust = verifying.peer.value?.trust;
  const wasVerified = trust?.state === "key-changed" && trust.wasVerified;
  const verdict = verifying.verdict.value;
  const isSame = verdict?.isOffered === true && verdict.comparison === "match";
  const accept = () => {
    setAsking(false);
    void verifying.acceptKey();
  };
  return (
    <section class="changed-key" aria-labelledby="changed-head">
      <h2 id="changed-head"><Icon sign="warning" />{user}’s key has changed</h2>
      <dl>
        <div><dt>What changed</dt><dd>The relay offers another key for {user} than the one that you {wasVerified ? "had verified" : "know"}.</dd></div>
        <div><dt>The usual cause</dt><dd>{user} has set up Sprag anew, on a new phone or in another browser, without a backup. The other cause is somebody who sits between you.</dd></div>
        <div><dt>What to do</dt><dd>Call {user}, or meet, and compare the new number below. If it is the same, accept the new key. If it is not, or in doubt, leave it: nothing is sent.</dd></div>
      </dl>
      <div class="actions is-start">
        <button type="button" class={`button ${isSame ? "primary" : ""}`} disabled={verifying.busy.value}
          onClick={() => { if (isSame) accept(); else setAsking(true); }}>
          {isSame ? "Accept the new key, and mark as verified" : "Accept the new key"}
        </button>
      </div>
      {isAsking && (
        <Confirm title={`Accept ${user}’s new key without comparing?`} action="Accept without comparing"
          tone={wasVerified ? "danger" : "primary"} onCancel={() => { setAsking(false); }} onConfirm={accept}>
          <p>Nothing shows that it is really theirs. {user} is not verified then, until you have compared.</p>
        </Confirm>
      )}
    </section>
  );
}
