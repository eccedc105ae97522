/** What is shown before somebody is in. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Gate } from "../model/gate.js";
import { normalName } from "../model/names.js";
import type { FoundProfile } from "../model/sprag.js";
import type { Problem } from "../model/words.js";
import { Icon, Logo } from "./icons.jsx";
import { Box, Choice, Confirm, Field, ProblemBox } from "./parts.jsx";
import { QrCode } from "./qr.jsx";
import { CopyButton } from "./copy.jsx";

export function Entry({ gate }: { gate: Gate }) {
  const screen = gate.screen.value;
  switch (screen.at) {
    case "starting": return <Starting />;
    case "welcome": return <Welcome gate={gate} />;
    case "locked": return <Locked gate={gate} profile={screen.profile} />;
    case "linking": return <Linking gate={gate} user={screen.user} code={screen.code} />;
    case "passkey": return <Passkey gate={gate} />;
    case "broken": return <Broken gate={gate} problem={screen.problem} forgettable={screen.forgettable} />;
    case "open": return null;
  }
}

function Frame({ title, lead, children }: { title: string; lead?: ComponentChildren; children?: ComponentChildren }) {
  return (
    <main class="entry">
      <div class="entry-card">
        <Logo size={48} />
        <h1>{title}</h1>
        {lead !== undefined && <p class="lead">{lead}</p>}
        {children}
      </div>
      <p class="entry-foot">
        Everything is encrypted in this browser, before it leaves. <a href="/learn/">See how it works</a>
      </p>
    </main>
  );
}

function Starting() {
  const [isSlow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => { setSlow(true); }, 400);
    return () => { clearTimeout(timer); };
  }, []);
  return (
    <main class="entry" aria-busy="true">
      <h1 class="unseen">Sprag</h1>
      <p role="status" class={`starting ${isSlow ? "is-slow" : ""}`}><Logo size={48} /><span>{isSlow ? "Opening" : ""}</span></p>
    </main>
  );
}

type Way = "register" | "link" | "restore";

function Welcome({ gate }: { gate: Gate }) {
  const [way, setWay] = useState<Way>("register");
  const go = (next: Way) => () => {
    gate.problem.value = undefined;
    setWay(next);
  };
  if (way === "link") return <LinkForm gate={gate} onBack={go("register")} />;
  if (way === "restore") return <Restore gate={gate} onBack={go("register")} />;
  return (
    <Frame title="Sprag" lead="Messages that nobody reads but you and whoever you write to. Choose a name to begin.">
      <Register gate={gate} />
      <div class="ways">
        <p class="or"><span>You have an account already</span></p>
        <button type="button" class="button" onClick={go("link")}><Icon sign="device" />Link this browser to it</button>
        <button type="button" class="button" onClick={go("restore")}><Icon sign="down" />Restore a backup</button>
      </div>
    </Frame>
  );
}

type Guard = "none" | "passphrase" | "passkey";

/** What may open the profile, and the passphrase where one is wanted. */
function useGuard() {
  const [guard, setGuard] = useState<Guard>("none");
  const [passphrase, setPassphrase] = useState("");
  const [again, setAgain] = useState("");
  const differs = guard !== "none" && again !== "" && again !== passphrase;
  const isReady = guard === "none" || (passphrase.length >= 8 && passphrase === again);
  return { guard, setGuard, passphrase, setPassphrase, again, setAgain, differs, isReady, wanted: guard === "none" ? "" : passphrase };
}

function GuardFields({ guarding, passkey }: { guarding: ReturnType<typeof useGuard>; passkey: boolean }) {
  const options: { value: Guard; label: string; hint: string }[] = [
    { value: "none", label: "Nothing more", hint: "Whoever can use this browser can read what is here." },
    { value: "passphrase", label: "A passphrase", hint: "Asked for whenever the chat is opened. Nobody can reset it." },
  ];
  if (passkey) options.push({ value: "passkey", label: "A passphrase and a passkey", hint: "Open with your fingerprint, face or key; the passphrase is for when that fails." });
  return (
    <>
      <Choice legend="What opens it on this device" name="guard" value={guarding.guard} onChange={guarding.setGuard} options={options} />
      {guarding.guard !== "none" && (
        <div class="pair">
          <Field label="Passphrase" type="password" autocomplete="new-password" value={guarding.passphrase}
            onInput={guarding.setPassphrase} hint="At least 8 characters; a few words are better." required />
          <Field label="The same again" type="password" autocomplete="new-password" value={guarding.again}
            onInput={guarding.setAgain} invalid={guarding.differs} hint={guarding.differs ? "These are not the same." : ""} required />
        </div>
      )}
    </>
  );
}

function Register({ gate }: { gate: Gate }) {
  const [user, setUser] = useState("");
  const [invitation, setInvitation] = useState("");
  const [asked, setAsked] = useState(false);
  const guarding = useGuard();
  const problem = gate.problem.value;
  const isBusy = gate.busy.value;
  const wantsInvitation = asked || problem?.code === "invitation-invalid" || invitation !== "";
  const hasPasskeys = typeof PublicKeyCredential !== "undefined";
  const submit = (event: Event) => {
    event.preventDefault();
    void gate.register({
      user: normalName(user), invitation: invitation.trim(), passphrase: guarding.wanted, passkey: guarding.guard === "passkey",
    });
  };
  return (
    <form class="form" onSubmit={submit} novalidate>
      <Field label="Name" value={user} onInput={setUser} autocomplete="username" required autofocus max={64}
        hint="Others find you by it. It cannot be changed." invalid={problem?.code === "name-taken" || problem?.code === "bad-name"} />
      {wantsInvitation
        ? <Field label="Invitation" value={invitation} onInput={setInvitation} mono invalid={problem?.code === "invitation-invalid"} />
        : <button type="button" class="link" onClick={() => { setAsked(true); }}>I have an invitation</button>}
      <GuardFields guarding={guarding} passkey={hasPasskeys} />
      <ProblemBox problem={problem} />
      <button type="submit" class="button primary wide" disabled={isBusy || user.trim() === "" || !guarding.isReady}>
        {isBusy ? "Making your keys" : "Create account"}
      </button>
    </form>
  );
}

function LinkForm({ gate, onBack }: { gate: Gate; onBack: () => void }) {
  const [user, setUser] = useState("");
  const guarding = useGuard();
  const isBusy = gate.busy.value;
  const submit = (event: Event) => {
    event.preventDefault();
    void gate.link(normalName(user), guarding.wanted);
  };
  return (
    <Frame title="Link this browser" lead="This browser shows a code. A device that is in your account already takes it, and lets this one in.">
      <form class="form" onSubmit={submit} novalidate>
        <Field label="The name of your account" value={user} onInput={setUser} autocomplete="username" required autofocus max={64} />
        <GuardFields guarding={guarding} passkey={false} />
        <ProblemBox problem={gate.problem.value} />
        <div class="actions">
          <button type="button" class="button" onClick={onBack}>Back</button>
          <button type="submit" class="button primary" disabled={isBusy || user.trim() === "" || !guarding.isReady}>Show the code</button>
        </div>
      </form>
    </Frame>
  );
}

function Linking({ gate, user, code }: { gate: Gate; user: string; code: string }) {
  return (
    <Frame title={`Waiting for ${user}`} lead="On a device that is in the account: open Devices, choose Link a device, and scan this, or paste the text below.">
      <QrCode content={code} label="The link code, for the camera of your other device" />
      <div class="code-row">
        <code class="code-text">{code}</code>
        <CopyButton text={code} />
      </div>
      <p class="hint">In a terminal: <code>sprag devices link CODE</code>. Show this to nobody else: who sees it can let a device of their own in.</p>
      <p role="status" class="waiting"><span class="spinner" aria-hidden="true" />Waiting for your other device</p>
      <ProblemBox problem={gate.problem.value} />
      <button type="button" class="button" onClick={() => { void gate.stopLinking(); }}>Cancel</button>
    </Frame>
  );
}

function Restore({ gate, onBack }: { gate: Gate; onBack: () => void }) {
  const [file, setFile] = useState<File | undefined>(undefined);
  const [passphrase, setPassphrase] = useState("");
  const guarding = useGuard();
  const isBusy = gate.busy.value;
  const submit = (event: Event) => {
    event.preventDefault();
    if (file !== undefined) void gate.restore(file, passphrase, guarding.wanted);
  };
  return (
    <Frame title="Restore a backup" lead="This browser goes on as the device that the backup was made of.">
      <form class="form" onSubmit={submit} novalidate>
        <Box tone="caution" sign="warning"><p>The device that it was made of must not run any more: two copies of one device get in each other's way.</p></Box>
        <div class="field">
          <label for="backup-file">Backup file</label>
          <input id="backup-file" type="file" onChange={(event) => { setFile(event.currentTarget.files?.[0]); }} />
        </div>
        <Field label="Its passphrase" type="password" value={passphrase} onInput={setPassphrase} required />
        <GuardFields guarding={guarding} passkey={false} />
        <ProblemBox problem={gate.problem.value} />
        <div class="actions">
          <button type="button" class="button" onClick={onBack}>Back</button>
          <button type="submit" class="button primary" disabled={isBusy || file === undefined || passphrase === "" || !guarding.isReady}>
            {isBusy ? "Restoring" : "Restore"}
          </button>
        </div>
      </form>
    </Frame>
  );
}

function Locked({ gate, profile }: { gate: Gate; profile: FoundProfile }) {
  const [passphrase, setPassphrase] = useState("");
  const [isForgetting, setForgetting] = useState(false);
  const isBusy = gate.busy.value;
  const problem = gate.problem.value;
  const submit = (event: Event) => {
    event.preventDefault();
    void gate.unlock(passphrase);
  };
  return (
    <Frame title="Locked" lead="What is in this browser opens with your passphrase.">
      <form class="form" onSubmit={submit} novalidate>
        <Field label="Passphrase" type="password" autocomplete="current-password" value={passphrase} onInput={setPassphrase}
          required autofocus invalid={problem?.code === "wrong-key"} />
        <ProblemBox problem={problem} />
        <button type="submit" class="button primary wide" disabled={isBusy || passphrase === ""}>
          <Icon sign="lock" />{isBusy ? "Opening" : "Unlock"}
        </button>
        {profile.passkey && (
          <button type="button" class="button wide" disabled={isBusy} onClick={() => { void gate.unlockWithPasskey(); }}>
            <Icon sign="key" />Use a passkey
          </button>
        )}
      </form>
      <button type="button" class="link" onClick={() => { setForgetting(true); }}>I do not know it any more</button>
      {isForgetting && <Forget gate={gate} onCancel={() => { setForgetting(false); }} />}
    </Frame>
  );
}

function Forget({ gate, onCancel }: { gate: Gate; onCancel: () => void }) {
  return (
    <Confirm title="Forget what is in this browser?" action="Forget it" busy={gate.busy.value} onCancel={onCancel}
      onConfirm={() => { void gate.forget(); }}>
      <p>Conversations and keys in this browser are deleted for good. Nobody can bring them back without a backup.</p>
      <p>The account stays. If another device is in it, you can link this browser again.</p>
    </Confirm>
  );
}

function Passkey({ gate }: { gate: Gate }) {
  const isBusy = gate.busy.value;
  return (
    <Frame title="Add your passkey" lead="Your account is made. From now on this chat can open with your fingerprint, face or security key; the passphrase works as well.">
      <ProblemBox problem={gate.problem.value} />
      <button type="button" class="button primary wide" disabled={isBusy} onClick={() => { void gate.addPasskey(); }}>
        <Icon sign="key" />Add a passkey
      </button>
      <button type="button" class="button wide" disabled={isBusy} onClick={() => { gate.withoutPasskey(); }}>Not now</button>
    </Frame>
  );
}

/** What each kind of trouble at the start is called; the words below come from the error itself. */
function brokenTitle(code: string): string {
  switch (code) {
    case "STORAGE_EVICTED": return "The browser has deleted your data";
    case "NO_INDEXEDDB": case "STORE_UNAVAILABLE": return "Nothing can be kept here";
    case "CSP_BLOCKS_WASM": case "NO_WASM": case "NO_DECOMPRESSION": case "NO_WEBCRYPTO": case "NO_WEBSOCKET":
      return "This browser cannot run Sprag";
    case "disk-full": return "The disk is full";
    default: return "This does not open";
  }
}

function Broken({ gate, problem, forgettable }: { gate: Gate; problem: Problem; forgettable: boolean }) {
  const [isForgetting, setForgetting] = useState(false);
  return (
    <Frame title={brokenTitle(problem.code)}>
      <div role="alert"><Box tone="bad" sign="warning"><p><strong>{problem.text}</strong> {problem.remedy}</p></Box></div>
      <button type="button" class="button primary wide" onClick={() => { void gate.start(); }}>Try again</button>
      {forgettable && (
        <button type="button" class="button wide" onClick={() => { setForgetting(true); }}>Begin anew in this browser</button>
      )}
      {isForgetting && <Forget gate={gate} onCancel={() => { setForgetting(false); }} />}
      <p class="hint">What it is called, should you ask somebody: <code>{problem.code}</code></p>
    </Frame>
  );
}
