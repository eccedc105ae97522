/**
 * Every screen, light and dark, narrow and wide: nothing for axe to say, nothing to scroll sideways, and a picture of it
 * in the folder that SPRAG_PICTURES names.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { BrowserContext } from "playwright-core";
import { Person, inside, register, visit } from "./pages.js";
import { SOON, World } from "./world.js";

const world = new World();
const pictures = process.env["SPRAG_PICTURES"];
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SIZES = [{ width: 1280, height: 800 }, { width: 360, height: 720 }] as const;
const SCHEMES = ["light", "dark"] as const;

interface Breach { id: string; nodes: { html: string; failureSummary?: string }[] }

let looked = 0;

/** Looks at what is shown now, in every size and scheme. */
async function look(person: Person, name: string): Promise<void> {
  const { page } = person;
  for (const size of SIZES) {
    for (const colorScheme of SCHEMES) {
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      const where = `${name}-${String(size.width)}-${colorScheme}`;
      if (pictures !== undefined) await page.screenshot({ path: join(pictures, `${where}.png`) });
      const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(sideways <= 0, `${where} scrolls sideways by ${String(sideways)}`);
      const violations = world.violations.length;
      await page.evaluate(axe);
      const breaches = await page.evaluate(async () => {
        const { axe: judge } = window as unknown as { axe: { run: (options: object) => Promise<{ violations: Breach[] }> } };
        const { violations: found } = await judge.run({ resultTypes: ["violations"] });
        return found.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html, failureSummary }) => ({ html, failureSummary })) }));
      });
      // What axe itself does to the page is not the page's.
      world.violations.length = violations;
      assert.deepEqual(breaches, [], where);
      looked += 1;
    }
  }
  await page.setViewportSize(SIZES[0]);
}

let context: BrowserContext;
let alice: Person;

before(async () => {
  if (pictures !== undefined) mkdirSync(pictures, { recursive: true });
  await world.start();
  context = await world.person();
});

after(async () => {
  await world.stop();
});

void test("before somebody is in", async () => {
  alice = await visit(world, context, "alice");
  await alice.page.getByLabel("Name", { exact: true }).waitFor();
  await look(alice, "welcome");
  await alice.page.getByLabel("Name", { exact: true }).fill("Not A Name!");
  await alice.page.getByText("A passphrase", { exact: true }).click();
  await alice.page.getByLabel("Passphrase", { exact: true }).fill("correct horse");
  await alice.page.getByLabel("The same again").fill("something else");
  await look(alice, "welcome-passphrase");
  await alice.button("Restore a backup").click();
  await look(alice, "restore");
  await alice.page.getByRole("button", { name: "Back", exact: true }).click();
});

void test("an empty chat", async () => {
  await alice.page.context().close();
  context = await world.person();
  alice = await register(world, "alice", context);
  await alice.button("New conversation").first().waitFor();
  await look(alice, "empty");
  await alice.button("New conversation").first().click();
  await alice.page.getByLabel("Whom").fill("nobody");
  await alice.page.keyboard.press("Enter");
  await alice.page.getByText("Nobody has this name here.").waitFor({ timeout: SOON });
  await look(alice, "new");
});

void test("conversations", async () => {
  for (const name of ["bob", "carol", "somebody.with-a-rather-long-name_on-this-relay"]) {
    const person = world.terminal(name);
    await person.sprag("register", name);
    await person.sprag("send", "alice", name === "bob" ? "Here is the plan for Saturday: https://example.org/plan\nAre you in?" : "Hello Alice, how is the garden?");
  }
  const bob = world.terminal("bob");
  await bob.sprag("send", "alice", "--file", await world.file("Route along the river.pdf", new Uint8Array(482_113)), "--caption", "the route");
  await alice.page.locator(".row", { hasText: "bob" }).first().waitFor({ timeout: SOON });
  await alice.page.locator(".row", { hasText: "somebody" }).first().waitFor({ timeout: SOON });
  await look(alice, "list");
  await alice.open("bob");
  await alice.sees("the route");
  await look(alice, "unread");
  await alice.writes("I could be there at ten, or a little earlier if the train is on time. Shall I bring the maps?");
  await alice.writes("Or at eleven");
  await alice.seesState("Or at eleven", "Sent");
  await bob.recv();
  const picture = readFileSync(fileURLToPath(new URL("../../../app/public/icon-192.png", import.meta.url)));
  await alice.sendsFile(await world.file("sign.png", picture));
  await alice.seesState("sign.png", "Sent", "Delivered");
  await alice.button("Show sign.png").click();
  await alice.page.locator("img.picture").waitFor();
  await alice.page.getByRole("textbox", { name: "Message to bob" }).fill("A draft");
  await look(alice, "talk");
  await alice.page.keyboard.press("Control+k");
  await alice.page.keyboard.type("the");
  assert.equal(await alice.page.getByRole("searchbox").inputValue(), "the");
  await alice.page.locator(".results .row").first().waitFor();
  await look(alice, "search");
  await alice.button("Clear the search").click();
});

void test("verifying", async () => {
  await alice.verify("bob");
  await look(alice, "verify");
  await alice.page.getByLabel(/Or paste/).fill("12345");
  await alice.page.getByText("Not the same.").or(alice.page.getByText("This is no safety number.")).or(alice.page.getByText("The same so far.")).waitFor();
  await look(alice, "verify-wrong");
  const shown = JSON.parse(await world.terminal("bob").sprag("verify", "alice", "--json")) as { payload: string };
  await alice.page.getByLabel(/Or paste/).fill(shown.payload);
  await alice.button("Mark bob as verified").click();
  await alice.page.getByText("You have verified bob.").waitFor();
  await look(alice, "verify-same");
  await alice.button("Scan bob’s code").click();
  await alice.page.locator("video").waitFor();
  await look(alice, "scan");
  await alice.page.keyboard.press("Escape");
  await alice.back();
});

void test("devices, settings, keys", async () => {
  await alice.button("Devices").click();
  await alice.button("Link a device").click();
  await look(alice, "devices");
  await alice.page.getByLabel("Or paste the link code").fill("nonsense");
  await alice.button("Link it").click();
  await alice.page.getByText("This is not a link code.").waitFor({ timeout: SOON });
  await look(alice, "devices-problem");
  await alice.button("Settings").click();
  await alice.page.getByText("What opens it on this device").waitFor();
  await look(alice, "settings");
  await alice.page.locator(".page-body").evaluate((body) => { body.scrollTop = body.scrollHeight; });
  await look(alice, "settings-end");
  await alice.button("Delete the account").click();
  await look(alice, "delete");
  await alice.page.keyboard.press("Escape");
  await alice.page.keyboard.press("Control+/");
  await look(alice, "keys");
  await alice.page.keyboard.press("Escape");
});

void test("a key that changed", async () => {
  // Bob loses everything: whoever runs the relay removes the account, and he makes it again.
  await world.admin("remove-account", "bob");
  const again = world.terminal("bob-again");
  await again.sprag("register", "bob");
  await again.sprag("send", "alice", "I have a new machine");
  await alice.open("bob");
  await alice.page.getByText("bob’s key has changed.").waitFor({ timeout: SOON });
  await look(alice, "changed");
  await alice.button("Compare safety numbers").click();
  await alice.page.locator(".qr path").first().waitFor();
  await look(alice, "changed-compare");
  await alice.button("Accept the new key").click();
  await look(alice, "changed-accept");
  await alice.page.keyboard.press("Escape");
  await alice.back();
});

void test("no connection", async () => {
  await world.stopRelay();
  await alice.page.getByText("No connection").first().waitFor({ timeout: SOON });
  await alice.open("carol");
  await alice.writes("This waits until there is a connection");
  await look(alice, "waiting");
  await world.relay();
  await alice.button("Connect now").click();
  await alice.seesState("This waits", "Sent", "Delivered");
});

void test("linking, and a lock", async () => {
  const other = await visit(world, await world.person(), "alice");
  await other.button("Link this browser to it").click();
  await look(other, "link");
  await other.page.getByLabel("The name of your account").fill("alice");
  await other.button("Show the code").click();
  await other.page.locator(".qr path").waitFor();
  await look(other, "linking");
  await other.page.context().close();
  await alice.button("Settings").click();
  await alice.button("Set a passphrase").click();
  await alice.page.getByLabel("New passphrase").fill("correct horse battery");
  await alice.page.getByLabel("The same again").fill("correct horse battery");
  await look(alice, "settings-passphrase");
  await alice.button("Set it").click();
  await alice.button("Change the passphrase").waitFor();
  await alice.page.reload();
  await alice.page.getByRole("heading", { name: "Locked" }).waitFor();
  await alice.page.getByLabel("Passphrase", { exact: true }).fill("wrong");
  await alice.button("Unlock").click();
  await alice.page.getByText("This passphrase is not the right one.").waitFor({ timeout: SOON });
  await look(alice, "locked");
  await alice.page.getByLabel("Passphrase", { exact: true }).fill("correct horse battery");
  await alice.button("Unlock").click();
  await inside(alice);
});

void test("a browser that cannot keep anything says so", async () => {
  const closed = await world.person();
  await closed.addInitScript(() => { Object.defineProperty(window, "indexedDB", { value: undefined }); });
  const nobody = await visit(world, closed, "nobody");
  await nobody.page.getByRole("alert").waitFor();
  await look(nobody, "broken");
  await closed.close();
});

void test("nobody was asked but the relay, and no policy was violated", () => {
  assert.deepEqual(world.foreign, []);
  assert.deepEqual(world.violations, []);
  assert.deepEqual(world.faults, []);
  console.log(`${String(looked)} screens looked at`);
});
