/** Two people in browsers and one in a terminal, in every direction: text, files, verifying, devices, a changed key. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { Person, inside, register, visit } from "./pages.js";
import { SOON, World } from "./world.js";
const world = new World();
let alice;
let bob;
let carol;
before(async () => {
    await world.start();
    carol = world.terminal("carol");
});
after(async () => {
    await world.stop();
});
void test("accounts are made in browsers and in a terminal", async () => {
    await carol.sprag("register", "carol");
    await carol.sprag("settings", "read-receipts", "on");
    alice = await register(world, "alice");
    bob = await register(world, "bob");
});
void test("a name that is taken, and one that nobody has, are said", async () => {
    const other = await visit(world, await world.person(), "other");
    await other.page.getByLabel("Name", { exact: true }).fill("alice");
    await other.button("Create account").click();
    await other.page.getByText("This name is taken.").waitFor();
    await other.page.context().close();
    await alice.button("New conversation").first().click();
    await alice.page.getByLabel("Whom").fill("nobody");
    await alice.page.keyboard.press("Enter");
    await alice.page.getByText("Nobody has this name here.").waitFor();
});
void test("text goes in every direction", async () => {
    await alice.begin("bob");
    await alice.writes("from alice to bob");
    await bob.open("alice");
    await bob.sees("from alice to bob");
    await bob.writes("from bob to alice");
    await alice.sees("from bob to alice");
    await alice.seesState("from alice to bob", "Delivered", "Read");
    await alice.begin("carol");
    await alice.writes("from alice to carol");
    await alice.seesState("from alice to carol", "Sent");
    await bob.begin("carol");
    await bob.writes("from bob to carol");
    await bob.seesState("from bob to carol", "Sent");
    const read = await carol.recv();
    assert.deepEqual(new Set(read.map((message) => message.text)), new Set(["from alice to carol", "from bob to carol"]));
    await alice.seesState("from alice to carol", "Read");
    await carol.sprag("send", "alice", "from carol to alice");
    await carol.sprag("send", "bob", "from carol to bob");
    await alice.sees("from carol to alice");
    await bob.sees("from carol to bob");
});
void test("files go in every direction, byte for byte", async () => {
    const bytes = randomBytes(300_000);
    const path = await world.file("drawing.bin", bytes);
    await alice.open("bob");
    await alice.sendsFile(path);
    await alice.seesState("drawing.bin", "Delivered", "Read");
    await bob.open("alice");
    assert.deepEqual(await readFile(await bob.saves("drawing.bin")), bytes);
    await bob.sendsFile(path);
    await alice.page.getByRole("log").locator(".is-other .bubble", { hasText: "drawing.bin" }).waitFor({ timeout: SOON });
    await bob.open("carol");
    await bob.sendsFile(path);
    await bob.seesState("drawing.bin", "Sent");
    const saved = (await carol.recv("--save-files", world.path("saved"))).find((message) => message.file !== undefined);
    assert.deepEqual(await readFile(saved?.file?.saved ?? ""), bytes);
    await carol.sprag("send", "alice", "--file", path, "--caption", "with a caption");
    await alice.open("carol");
    await alice.sees("with a caption");
    assert.deepEqual(await readFile(await alice.saves("drawing.bin")), bytes);
});
void test("what is unread is counted and has a line above it, and drafts stay", async () => {
    await alice.page.getByRole("textbox", { name: "Message to carol" }).fill("a draft for carol");
    await alice.open("bob");
    await carol.sprag("send", "alice", "one more from carol");
    const row = alice.page.locator(".row", { hasText: "carol" }).first();
    await row.locator(".count", { hasText: "1" }).waitFor({ timeout: SOON });
    await row.getByText("Draft:").waitFor();
    await alice.open("carol");
    await alice.page.locator("[data-divider]").waitFor();
    assert.equal(await alice.page.getByRole("textbox", { name: "Message to carol" }).inputValue(), "a draft for carol");
    await alice.page.reload();
    await inside(alice);
    await alice.open("carol");
    assert.equal(await alice.page.getByRole("textbox", { name: "Message to carol" }).inputValue(), "a draft for carol");
    await alice.page.getByRole("textbox", { name: "Message to carol" }).fill("");
});
void test("what this browser keeps holds no text and no name, and its keys cannot be taken out", async () => {
    await alice.page.getByRole("textbox", { name: "Message to carol" }).fill("a planted draft");
    const needles = ["a planted draft", "from alice to bob", "from carol to alice", "drawing.bin", "with a caption", "carol"];
    const kept = await alice.page.evaluate(async () => {
        const texts = [];
        let keys = 0;
        let exported = 0;
        const walk = async (value) => {
            if (typeof value === "string")
                texts.push(value);
            else if (value instanceof CryptoKey) {
                keys += 1;
                for (const format of ["raw", "jwk"]) {
                    await crypto.subtle.exportKey(format, value).then(() => { exported += 1; }, () => undefined);
                }
            }
            else if (value instanceof ArrayBuffer)
                texts.push(new TextDecoder("latin1").decode(value));
            else if (ArrayBuffer.isView(value))
                texts.push(new TextDecoder("latin1").decode(value));
            else if (value instanceof Blob)
                texts.push(new TextDecoder("latin1").decode(await value.arrayBuffer()));
            else if (typeof value === "object" && value !== null)
                for (const part of Object.values(value))
                    await walk(part);
        };
        const wait = (request) => new Promise((resolve, reject) => {
            request.onsuccess = () => { resolve(request.result); };
            request.onerror = () => { reject(new Error("the database cannot be read")); };
        });
        const databases = await indexedDB.databases();
        for (const { name = "" } of databases) {
            texts.push(name);
            const db = await wait(indexedDB.open(name));
            for (const store of db.objectStoreNames) {
                const all = db.transaction(store).objectStore(store);
                const [values, names] = await Promise.all([wait(all.getAll()), wait(all.getAllKeys())]);
                await walk(values);
                await walk(names);
            }
            db.close();
        }
        texts.push(JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage }), JSON.stringify(history.state), location.href, document.title);
        return { text: texts.join("\n"), databases: databases.length, keys, exported };
    });
    assert.ok(kept.databases >= 2 && kept.keys >= 2 && kept.text.length > 10_000, JSON.stringify({ ...kept, text: kept.text.length }));
    assert.equal(kept.exported, 0);
    assert.deepEqual(needles.filter((needle) => kept.text.includes(needle)), []);
    await alice.page.getByRole("textbox", { name: "Message to carol" }).fill("");
});
void test("searching finds what was said and leads there", async () => {
    await alice.page.keyboard.press("Control+k");
    await alice.page.keyboard.type("from bob to");
    await alice.page.locator(".results .row", { hasText: "from bob to alice" }).click();
    await alice.page.getByRole("heading", { level: 1, name: "bob" }).waitFor();
    await alice.sees("from bob to alice");
    await alice.button("Clear the search").click();
});
void test("what is written without a connection waits, survives a reload, and goes", async () => {
    const { page } = alice;
    await world.stopRelay();
    await page.getByText("No connection").first().waitFor({ timeout: SOON });
    await alice.open("bob");
    await alice.writes("written without a relay");
    await alice.seesState("written without a relay", "Queued", "Sending");
    await page.getByText("1 to send").waitFor();
    await page.close();
    await world.relay();
    const context = page.context();
    alice = await visit(world, context, "alice");
    await inside(alice);
    await alice.open("bob");
    await alice.seesState("written without a relay", "Delivered", "Read");
    if (await bob.button("Connect now").isVisible())
        await bob.button("Connect now").click();
    await bob.open("alice");
    await bob.sees("written without a relay");
});
void test("two tabs of one person show the same, and both can write", async () => {
    const second = await visit(world, alice.page.context(), "alice");
    await inside(second);
    await second.open("bob");
    await second.writes("from the second tab");
    await alice.sees("from the second tab");
    await alice.writes("from the first tab");
    await second.sees("from the first tab");
    await bob.sees("from the first tab");
    await second.page.close();
});
void test("numbers are compared by paste, by picture and with a terminal, and the result stays", async () => {
    await bob.verify("alice");
    await alice.verify("bob");
    const theirs = await bob.code();
    const paste = alice.page.getByLabel(/Or paste/);
    await paste.fill("nonsense");
    await alice.page.getByText("This is no safety number.").waitFor();
    await paste.fill(theirs);
    await alice.page.getByText("The same.").waitFor();
    await alice.button("Mark bob as verified").click();
    await alice.page.getByText("You have verified bob.").waitFor();
    assert.equal(await alice.page.getByText("The same.").isVisible(), true);
    // Bob takes a picture of Alice's code.
    const picture = world.path("code.png");
    await writeFile(picture, await alice.page.locator(".qr").first().screenshot());
    await bob.page.getByLabel(/^A picture of/).setInputFiles(picture);
    await bob.page.getByText("The same.").waitFor();
    await bob.button("Mark alice as verified").click();
    await bob.page.getByText("You have verified alice.").waitFor();
    await bob.back();
    await alice.verify("carol");
    const compared = await carol.sprag("verify", "alice", "--compare", await alice.code(), "--confirm");
    assert.match(compared, /verified/);
    const shown = JSON.parse(await carol.sprag("verify", "alice", "--json"));
    await paste.fill(shown.payload);
    await alice.page.getByText("The same.").waitFor();
    await paste.fill(shown.safety_number);
    await alice.page.getByText("The same.").waitFor();
    await alice.back();
});
void test("the camera is asked, and what it shows is looked at until one goes on", async () => {
    await alice.verify("carol");
    await alice.button("Scan carol’s code").click();
    await alice.page.locator("video").waitFor();
    await alice.page.waitForFunction(() => (document.querySelector("video")?.videoWidth ?? 0) > 0);
    await alice.page.keyboard.press("Escape");
    await alice.page.locator("video").waitFor({ state: "detached" });
    await alice.back();
});
void test("a browser is linked by a picture of its code, has the history, and is removed", async () => {
    const second = await visit(world, await world.person(), "alice");
    await second.button("Link this browser to it").click();
    await second.page.getByLabel("The name of your account").fill("alice");
    await second.button("Show the code").click();
    await second.page.locator(".qr path").waitFor();
    const picture = world.path("link.png");
    await writeFile(picture, await second.page.locator(".qr").screenshot());
    await alice.button("Devices").click();
    await alice.button("Link a device").click();
    await alice.page.getByLabel(/^A picture of/).setInputFiles(picture);
    await alice.page.waitForFunction(() => [...document.querySelectorAll("input")].some((input) => input.value.startsWith("sprag-link:")));
    await alice.button("Link it").click();
    await alice.page.getByText("The device is linked.").waitFor({ timeout: SOON });
    await inside(second);
    await second.open("bob");
    await second.sees("from bob to alice");
    await bob.open("alice");
    await bob.writes("to all devices of alice");
    await second.sees("to all devices of alice");
    await second.writes("from the second device");
    await bob.sees("from the second device");
    await alice.button("Remove device 2").click();
    await alice.page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await alice.page.getByText("Device 2 is removed.").waitFor({ timeout: SOON });
    await second.page.getByText("This device was removed from its account").first().waitFor({ timeout: SOON });
    await bob.writes("to those who are left");
    await alice.open("bob");
    await alice.sees("to those who are left");
    assert.equal(await second.page.getByText("to those who are left").count(), 0);
    await second.page.context().close();
});
void test("a terminal is linked by its code, and takes part", async () => {
    const terminal = world.terminal("alice-terminal");
    const { line, child } = await terminal.until(/sprag-link:/, "devices", "new", "alice", "--json");
    const code = /sprag-link:[\w-]+/.exec(line)?.[0] ?? "";
    await alice.button("Devices").click();
    await alice.button("Link a device").click();
    await alice.page.getByLabel("Or paste the link code").fill(code);
    await alice.button("Link it").click();
    await alice.page.getByText("The device is linked.").waitFor({ timeout: SOON });
    await new Promise((resolve) => { child.once("exit", () => { resolve(); }); });
    await bob.writes("also to the terminal of alice");
    await bob.seesState("also to the terminal of alice", "Delivered", "Read");
    const read = await terminal.recv();
    assert.equal(read.some((message) => message.text === "also to the terminal of alice"), true);
    await terminal.sprag("send", "bob", "from the terminal of alice");
    await bob.sees("from the terminal of alice");
    await alice.open("bob");
    await alice.sees("from the terminal of alice");
});
void test("a key that changed says so, blocks what was verified, and goes on once compared", async () => {
    // Bob's browser forgets everything, and whoever runs the relay makes the name free.
    await bob.button("Settings").click();
    await bob.button("Forget this browser").click();
    await bob.button("Forget it").click();
    await world.admin("remove-account", "bob");
    await bob.page.getByLabel("Name", { exact: true }).waitFor({ timeout: SOON });
    await bob.page.getByLabel("Name", { exact: true }).fill("bob");
    await bob.button("Create account").click();
    await inside(bob);
    await bob.begin("alice");
    await bob.writes("I have a new browser");
    await alice.page.getByText("bob’s key has changed.").waitFor({ timeout: SOON });
    assert.equal(await alice.page.getByRole("textbox", { name: /^Message to/ }).count(), 0, "nothing can be written");
    await alice.button("Compare safety numbers").click();
    await alice.page.getByText("The usual cause").waitFor();
    await bob.button(/verify alice/).click();
    await bob.page.locator(".qr path").first().waitFor();
    await alice.page.getByLabel(/Or paste/).fill(await bob.code());
    await alice.page.getByText("The same.").waitFor();
    await alice.button("Accept the new key, and mark as verified").click();
    await alice.page.getByText("You have verified bob.").waitFor();
    await alice.back();
    await alice.sees("I have a new browser");
    await alice.writes("good to see you");
    await bob.back();
    await bob.sees("good to see you");
});
void test("an account is deleted, here and at the relay", async () => {
    const frank = await register(world, "frank");
    await frank.button("Settings").click();
    await frank.button("Delete the account").click();
    assert.equal(await frank.button("Delete for good").isDisabled(), true);
    await frank.page.getByLabel("Type frank to go on").fill("frank");
    await frank.button("Delete for good").click();
    await frank.page.getByLabel("Name", { exact: true }).waitFor({ timeout: SOON });
    await alice.button("New conversation").first().click();
    await alice.page.getByLabel("Whom").fill("frank");
    await alice.page.keyboard.press("Enter");
    await alice.page.getByText("Nobody has this name here.").waitFor();
    await frank.page.context().close();
});
void test("a passphrase locks, refuses and opens", async () => {
    const dora = await visit(world, await world.person(), "dora");
    await dora.page.getByLabel("Name", { exact: true }).fill("dora");
    await dora.page.getByText("A passphrase", { exact: true }).click();
    await dora.page.getByLabel("Passphrase", { exact: true }).fill("correct horse battery");
    await dora.page.getByLabel("The same again").fill("correct horse battery");
    await dora.button("Create account").click();
    await inside(dora);
    await dora.page.reload();
    await dora.page.getByRole("heading", { name: "Locked" }).waitFor();
    await dora.page.getByLabel("Passphrase", { exact: true }).fill("wrong");
    await dora.button("Unlock").click();
    await dora.page.getByText("This passphrase is not the right one.").waitFor({ timeout: SOON });
    await dora.page.getByLabel("Passphrase", { exact: true }).fill("correct horse battery");
    await dora.button("Unlock").click();
    await inside(dora);
    await dora.page.context().close();
});
void test("a long conversation is read upward without jumping", async () => {
    const eve = world.terminal("eve");
    await eve.sprag("register", "eve");
    for (let at = 0; at < 12; at += 1)
        await eve.sprag("send", "alice", Array.from({ length: 8 }, (_, line) => `line ${String(line)}`).join("\n"));
    await eve.sprag("send", "alice", "the last one");
    await alice.open("eve");
    await alice.sees("the last one");
    const log = alice.page.getByRole("log");
    // At the line above what is unread, not at the end.
    const top = await log.evaluate((element) => element.scrollTop);
    await log.evaluate((element) => { element.scrollTop = element.scrollHeight; });
    assert.ok(top < await log.evaluate((element) => element.scrollTop));
});
void test("nobody was asked but the relay, and no policy was violated", () => {
    assert.deepEqual(world.foreign, []);
    assert.deepEqual(world.violations, []);
    assert.deepEqual(world.faults, []);
    assert.ok(world.requests > 50, String(world.requests));
    console.log(`${String(world.requests)} requests`);
});
