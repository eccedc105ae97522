/** What can be set, a backup, what this does not stop, and the end of an account. */
import { useEffect, useState } from "preact/hooks";
import { forgetDrafts } from "../keep/drafts.js";
import { saveFile } from "../keep/save.js";
import { chooseTheme, theme, type Theme } from "../keep/theme.js";
import type { Chat } from "../model/chat.js";
import type { Gate } from "../model/gate.js";
import type { Protection, Status } from "../model/sprag.js";
import { explain, type Problem } from "../model/words.js";
import { Icon } from "./icons.jsx";
import { Box, Choice, Confirm, Field, PageHead, ProblemBox } from "./parts.jsx";

export function SettingsView({ chat, gate }: { chat: Chat; gate: Gate }) {
  const [status, setStatus] = useState<Status | undefined>(undefined);
  const [protection, setProtection] = useState<Protection | undefined>(undefined);
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const changes = chat.changes.value;
  useEffect(() => {
    Promise.all([chat.client.status(), chat.client.protection()]).then(
      ([now, guards]) => {
        setStatus(now);
        setProtection(guards);
      },
      (error: unknown) => { setProblem(explain(error)); },
    );
  }, [changes]);
  const work: Work = async (act) => {
    setProblem(undefined);
    try {
      await act();
      chat.changes.value += 1;
      return true;
    } catch (error) {
      setProblem(explain(error));
      return false;
    }
  };
  return (
    <div class="page">
      <PageHead title="Settings" onBack={() => { chat.places.back(); }} />
      <div class="page-body">
        <ProblemBox problem={problem} />
        <dl class="facts">
          <div><dt>Name</dt><dd>{chat.client.account}</dd></div>
          <div><dt>Relay</dt><dd>{chat.client.relay}</dd></div>
          {status?.device !== undefined && <div><dt>This device</dt><dd>Number {status.device}</dd></div>}
        </dl>
        <section>
          <Choice<Theme> legend="Appearance" name="theme" value={theme.value} onChange={chooseTheme} options={[
            { value: "system", label: "System" }, { value: "light", label: "Light" }, { value: "dark", label: "Dark" },
          ]} />
        </section>
        <section>
          <h2>Read receipts</h2>
          <label class="check">
            <input type="checkbox" checked={status?.readReceipts === true} disabled={status === undefined}
              onChange={(event) => {
                const tell = event.currentTarget.checked;
                void work(() => chat.client.setReadReceipts(tell));
              }} />
            <span>Tell others when I have read their messages</span>
          </label>
        </section>
        {protection !== undefined && <Guarding chat={chat} protection={protection} work={work} />}
        <Backup chat={chat} work={work} />
        <Limits />
        <Leaving chat={chat} gate={gate} work={work} />
      </div>
    </div>
  );
}

type Work = (act: () => Promise<unknown>) => Promise<boolean>;

function Guarding({ chat, protection, work }: { chat: Chat; protection: Protection; work: Work }) {
  const [isChanging, setChanging] = useState(false);
  const [passphrase, setPassphrase] = useState("");
  const [again, setAgain] = useState("");
  const done = (isDone: boolean) => {
    if (!isDone) return;
    setChanging(false);
    setPassphrase("");
    setAgain("");
  };
  return (
    <section>
      <h2>What opens it on this device</h2>
      <p>
        {protection.passphrase ? "A passphrase" : "Nothing more than this browser"}
        {protection.passkeys > 0 && `, and ${protection.passkeys === 1 ? "a passkey" : `${String(protection.passkeys)} passkeys`}`}.
        {protection.persisted === false && " The browser may delete what is here when the disk is full; keep a backup."}
      </p>
      {!isChanging && (
        <div class="actions is-start">
          <button type="button" class="button" onClick={() => { setChanging(true); }}>
            <Icon sign="lock" />{protection.passphrase ? "Change the passphrase" : "Set a passphrase"}
          </button>
          {protection.passphrase && <button type="button" class="button" onClick={() => { void work(() => chat.client.setPassphrase(null)); }}>Take it away</button>}
          {protection.passphrase && typeof PublicKeyCredential !== "undefined" && (
            <button type="button" class="button" onClick={() => { void work(() => chat.client.addPasskey()); }}><Icon sign="key" />Add a passkey</button>
          )}
          {protection.passkeys > 0 && <button type="button" class="button" onClick={() => { void work(() => chat.client.removePasskeys()); }}>Remove passkeys</button>}
        </div>
      )}
      {isChanging && (
        <form class="form card" novalidate onSubmit={(event) => {
          event.preventDefault();
          void work(async () => {
            await chat.client.setPassphrase(passphrase);
            // From now on nothing is kept that this passphrase does not open.
            await forgetDrafts();
          }).then(done);
        }}>
          <div class="pair">
            <Field label="New passphrase" type="password" autocomplete="new-password" value={passphrase} onInput={setPassphrase} autofocus required
              hint="At least 8 characters; a few words are better. Nobody can reset it." />
            <Field label="The same again" type="password" autocomplete="new-password" value={again} onInput={setAgain} required
              invalid={again !== "" && again !== passphrase} hint={again !== "" && again !== passphrase ? "These are not the same." : ""} />
          </div>
          <div class="actions">
            <button type="button" class="button" onClick={() => { setChanging(false); }}>Cancel</button>
            <button type="submit" class="button primary" disabled={passphrase.length < 8 || passphrase !== again}>Set it</button>
          </div>
        </form>
      )}
    </section>
  );
}

function Backup({ chat, work }: { chat: Chat; work: Work }) {
  const [isOpen, setOpen] = useState(false);
  const [passphrase, setPassphrase] = useState("");
  const [isBusy, setBusy] = useState(false);
  return (
    <section>
      <h2>Backup</h2>
      <p>One file with keys and conversations, under a passphrase of its own. It opens here, and by <code>sprag backup restore</code>.</p>
      {!isOpen && <button type="button" class="button" onClick={() => { setOpen(true); }}><Icon sign="down" />Make a backup</button>}
      {isOpen && (
        <form class="form card" novalidate onSubmit={(event) => {
          event.preventDefault();
          setBusy(true);
          void work(async () => {
            const blob = await chat.client.backup(passphrase);
            saveFile(blob, `sprag-${chat.client.account}-${new Date().toISOString().slice(0, 10)}.backup`);
          }).then((isDone) => {
            setBusy(false);
            if (!isDone) return;
            setOpen(false);
            setPassphrase("");
          });
        }}>
          <Field label="Passphrase of the backup" type="password" autocomplete="new-password" value={passphrase} onInput={setPassphrase} autofocus required
            hint="At least 8 characters. Without it the file opens for nobody." />
          <div class="actions">
            <button type="button" class="button" onClick={() => { setOpen(false); }}>Cancel</button>
            <button type="submit" class="button primary" disabled={isBusy || passphrase.length < 8}>{isBusy ? "Writing" : "Save the file"}</button>
          </div>
        </form>
      )}
    </section>
  );
}

/** What nobody should find out later. */
function Limits() {
  return (
    <section>
      <h2>What this protects, and what it does not</h2>
      <ul class="plain">
        <li>The relay stores what it cannot read, and forgets it once it is delivered. It knows who writes to whom, and when.</li>
        <li>Keys in this browser cannot be copied out of it by another program that reads its files. A program that runs inside the browser, such as a bad extension, can use them.</li>
        <li>This page comes from the relay. Whoever runs the relay could serve another page. The <code>sprag</code> command does not have this weakness.</li>
        <li>Verify safety numbers: without that, you rely on the relay for who is who.</li>
      </ul>
      <p><a href="/learn/">See how the encryption works</a></p>
    </section>
  );
}

function Leaving({ chat, gate, work }: { chat: Chat; gate: Gate; work: Work }) {
  const [asking, setAsking] = useState<"forget" | "delete" | undefined>(undefined);
  const [typed, setTyped] = useState("");
  const [isBusy, setBusy] = useState(false);
  const leave = (how: "forget" | "delete") => {
    setBusy(true);
    void work(async () => {
      await forgetDrafts();
      await gate.leave(chat.client, how);
    }).then(() => {
      setBusy(false);
      setAsking(undefined);
    });
  };
  return (
    <section class="leaving">
      <h2>Leaving</h2>
      <div class="actions is-start">
        <button type="button" class="button" onClick={() => { setAsking("forget"); }}>Forget this browser</button>
        <button type="button" class="button danger" onClick={() => { setAsking("delete"); }}><Icon sign="trash" />Delete the account</button>
      </div>
      {asking === "forget" && (
        <Confirm title="Forget what is in this browser?" action="Forget it" busy={isBusy} onCancel={() => { setAsking(undefined); }}
          onConfirm={() => { leave("forget"); }}>
          <p>Conversations and keys here are deleted for good. The account stays, with its other devices; remove this one there as well.</p>
          <p>If this is the only device and you have no backup, the account is lost.</p>
        </Confirm>
      )}
      {asking === "delete" && (
        <Confirm title={`Delete ${chat.client.account}?`} action="Delete for good" busy={isBusy} disabled={typed.trim() !== chat.client.account}
          onCancel={() => { setAsking(undefined); }} onConfirm={() => { leave("delete"); }}>
          <Box tone="bad" sign="warning"><p>The account is deleted at the relay, with everything that waits for it, and so is what is here. Nobody can bring it back.</p></Box>
          <Field label={`Type ${chat.client.account} to go on`} value={typed} onInput={setTyped} />
        </Confirm>
      )}
    </section>
  );
}
