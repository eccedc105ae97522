/** The devices of one's own account: which there are, letting one in, putting one out. */
import { useEffect, useState } from "preact/hooks";
import type { Chat } from "../model/chat.js";
import type { Device, Status } from "../model/sprag.js";
import { explainLinking, wholeTime, type Problem } from "../model/words.js";
import { Icon } from "./icons.jsx";
import { Box, Confirm, Field, PageHead, ProblemBox } from "./parts.jsx";
import { asText } from "./scan.js";
import { ScanButtons } from "./scanning.jsx";

export function DevicesView({ chat }: { chat: Chat }) {
  const [devices, setDevices] = useState<readonly Device[]>([]);
  const [status, setStatus] = useState<Status | undefined>(undefined);
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const [removing, setRemoving] = useState<Device | undefined>(undefined);
  const [isLinking, setLinking] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [said, setSaid] = useState("");
  const changes = chat.changes.value;
  useEffect(() => {
    Promise.all([chat.client.devices(), chat.client.status()]).then(
      ([found, now]) => {
        setDevices(found);
        setStatus(now);
      },
      (error: unknown) => { setProblem(explainLinking(error)); },
    );
  }, [changes]);
  const work = (done: string, act: () => Promise<unknown>) => {
    setBusy(true);
    setProblem(undefined);
    act().then(
      () => {
        setSaid(done);
        chat.changes.value += 1;
      },
      (error: unknown) => { setProblem(explainLinking(error)); },
    ).finally(() => { setBusy(false); });
  };
  const canChange = status?.accountKey === true;
  return (
    <div class="page">
      <PageHead title="Devices" onBack={() => { chat.places.back(); }} />
      <div class="page-body">
        <p>Every device of your account receives your messages, each under keys of its own.</p>
        <ProblemBox problem={isLinking ? undefined : problem} />
        <div role="status">{said !== "" && <Box tone="good" sign="sent"><p>{said}</p></Box>}</div>
        <ul class="devices">
          {devices.map((device) => (
            <li key={device.id}>
              <Icon sign="device" />
              <span class="device-words">
                <strong>Device {device.id}</strong>{device.this && <span class="tag">This browser</span>}
                <span class="hint">Added {wholeTime(device.created)}</span>
              </span>
              {!device.this && canChange && (
                <button type="button" class="button small" disabled={isBusy} onClick={() => { setRemoving(device); }}>
                  Remove<span class="unseen"> device {device.id}</span>
                </button>
              )}
            </li>
          ))}
        </ul>
        {status !== undefined && !canChange && (
          <Box tone="info" sign="key"><p>This device does not hold the key of the account: devices are linked and removed on one that does.</p></Box>
        )}
        {canChange && !isLinking && (
          <button type="button" class="button primary" onClick={() => {
            setSaid("");
            setLinking(true);
          }}><Icon sign="plus" />Link a device</button>
        )}
        {isLinking && (
          <LinkDevice account={chat.client.account} isBusy={isBusy} problem={problem} onCancel={() => {
            setLinking(false);
            setProblem(undefined);
          }} onLink={(code, what) => {
            work("The device is linked.", async () => {
              await chat.client.link(code, what);
              setLinking(false);
            });
          }} />
        )}
        {removing !== undefined && (
          <Confirm title={`Remove device ${String(removing.id)}?`} action="Remove" busy={isBusy} onCancel={() => { setRemoving(undefined); }}
            onConfirm={() => {
              const { id } = removing;
              setRemoving(undefined);
              work(`Device ${String(id)} is removed.`, () => chat.client.removeDevice(id));
            }}>
            <p>It receives nothing from now on. What it has already, it keeps.</p>
          </Confirm>
        )}
      </div>
    </div>
  );
}

function LinkDevice({ account, isBusy, problem, onLink, onCancel }: {
  account: string;
  problem: Problem | undefined;
  isBusy: boolean;
  onLink: (code: string, what: { accountKey: boolean; history: boolean }) => void;
  onCancel: () => void;
}) {
  const [code, setCode] = useState("");
  const [accountKey, setAccountKey] = useState(false);
  const [history, setHistory] = useState(true);
  return (
    <form class="form card" novalidate onSubmit={(event) => {
      event.preventDefault();
      onLink(code.trim(), { accountKey, history });
    }}>
      <h2>Link a device</h2>
      <ol class="steps">
        <li>On the new device choose <em>Link this browser</em>, or run <code>sprag devices new {account}</code> in a terminal.</li>
        <li>Take the code that it shows.</li>
      </ol>
      <ScanButtons what="its code" onFound={(bytes) => { setCode(asText(bytes)); }} />
      <Field label="Or paste the link code" value={code} onInput={setCode} mono hint="It begins with sprag-link:" required />
      <label class="check"><input type="checkbox" checked={history} onChange={(event) => { setHistory(event.currentTarget.checked); }} />
        <span>Give it the conversations so far</span></label>
      <label class="check"><input type="checkbox" checked={accountKey} onChange={(event) => { setAccountKey(event.currentTarget.checked); }} />
        <span>Let it link and remove devices too</span></label>
      <ProblemBox problem={problem} />
      <div class="actions">
        <button type="button" class="button" onClick={onCancel}>Cancel</button>
        <button type="submit" class="button primary" disabled={isBusy || code.trim() === ""}>{isBusy ? "Linking" : "Link it"}</button>
      </div>
    </form>
  );
}
