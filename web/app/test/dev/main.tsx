/** The chat over a world in memory, for working on how it looks: `npm run dev`, then /test/dev/?scene. Never built. */
import "@preact/signals";
import { render } from "preact";
import { browserSteps } from "../../src/keep/steps.js";
import { Gate } from "../../src/model/gate.js";
import { App } from "../../src/view/app.jsx";
import "../../src/styles/tokens.css";
import "../../src/styles/base.css";
import "../../src/styles/entry.css";
import "../../src/styles/chat.css";
import "../../src/styles/talk.css";
import "../../src/styles/pages.css";
import { MemoryDoors, MemoryError, World } from "../memory.js";

const scene = location.search.slice(1);
const world = new World();
const doors = new MemoryDoors(world);
world.time = Date.now() - 86_400_000 * 1.2;

function fill(): void {
  const alice = world.client("alice");
  for (const name of ["bob", "carol", "dave.long-name-that-goes-on-and-on", "erin"]) world.client(name);
  alice.add("bob", { own: false, text: "Hi Alice! Did the parcel arrive?" });
  world.pass(60_000);
  const own = (text: string, state: "queued" | "sending" | "sent" | "delivered" | "read" | "failed") =>
    alice.add("bob", { own: true, text, state, failure: state === "failed" ? "no-such-account" : undefined });
  own("Yes, this morning. Thank you!", "read");
  own("The paper in it is lovely. I will use it for the prints.", "read");
  world.pass(3_600_000 * 20);
  alice.add("bob", { own: false, text: "Here is the plan for Saturday: https://example.org/plan (page 3)." });
  alice.add("bob", { own: false, text: "", file: { name: "Route along the river.pdf", mediaType: "application/pdf", length: 482_113, reference: "r1" } });
  world.pass(400_000);
  alice.add("bob", { own: true, text: "Look at this one", state: "delivered", file: { name: "bridge.jpg", mediaType: "image/jpeg", length: 2_482_113, reference: "r2" } });
  own("I could be there at ten, or a little earlier if the train is on time. Shall I bring the maps, the big thermos and the other bag?", "delivered");
  own("Or at eleven", "sent");
  own("One moment, the train enters a tunnel", "sending");
  own("… and it is dark in here", "queued");
  own("Hello?", "failed");
  alice.talk("bob").readBelow = 99;
  alice.add("carol", { own: false, text: "See you tomorrow then" });
  alice.talk("carol").trust = { state: "verified" };
  alice.talk("carol").readBelow = 9;
  world.pass(1000);
  for (let at = 0; at < 7; at += 1) alice.add("dave.long-name-that-goes-on-and-on", { own: false, text: `Part ${String(at + 1)} of a story that is told in many parts and fits into no line` });
  world.pass(1000);
  alice.add("erin", { own: false, text: "I have a new phone" });
  alice.talk("erin").trust = { state: "verified" };
  alice.talk("erin").readBelow = 9;
  alice.offer("erin", "another key");
  alice.ownDevices = [...alice.ownDevices, { id: 2, created: new Date(world.time), this: false }];
  doors.profile = { account: "alice", passphrase: false, passkey: false, persisted: true, secret: "" };
  alice.protectedBy = { passphrase: true, passkeys: 1, persisted: false };
}

if (scene !== "welcome" && scene !== "empty") fill();
if (scene === "empty") doors.profile = { account: "alice", passphrase: false, passkey: false, persisted: true, secret: "" };
if (scene === "locked" && doors.profile !== undefined) doors.profile = { ...doors.profile, passphrase: true, passkey: true, secret: "x" };
if (scene === "broken") doors.trouble = new MemoryError("STORAGE_EVICTED", "the browser has deleted what was kept here", "Link this browser to your account again, or restore a backup. Allow the page to keep data so that it does not happen again");
if (scene === "waiting") world.client("alice").connection = { state: "waiting", why: new MemoryError("unreachable", "the relay cannot be reached", "Check the network") as never, until: new Date(Date.now() + 12_000) };
if (scene === "notices") {
  setTimeout(() => {
    const alice = world.client("alice");
    alice.emit("cloned", {});
    alice.emit("unreadable", { from: "bob", device: 1 });
    alice.emit("startedAfresh", {});
  }, 300);
}

const gate = new Gate(doors, {});
const place = document.getElementById("app");
if (place !== null) render(<App gate={gate} steps={browserSteps()} />, place);
void gate.start();
Object.assign(window, { world, doors });
