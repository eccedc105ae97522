import { World } from "./world.js"; import { register } from "./pages.js"; import { randomBytes } from "node:crypto";
const world = new World(); await world.start();
try {
const alice = await register(world, "alice"); const bob = await register(world, "bob");
for (const p of [alice,bob]) { p.page.on("console", m => console.log(p.name, m.text())); p.page.on("requestfailed", r => console.log("FAILED", r.url(), r.failure()?.errorText)); p.page.on("response", r => { if (r.status() >= 400) console.log(r.status(), r.url()); if (/blobs/.test(r.url())) console.log(r.request().method(), r.status(), r.url()); }); }
await alice.begin("bob"); await alice.writes("hi");
await alice.sendsFile(await world.file("drawing.bin", randomBytes(300000)));
await new Promise(r => setTimeout(r, 4000));
console.log(await alice.page.getByRole("log").innerText());
await alice.page.screenshot({ path: "/tmp/shots/debug.png" });
await bob.button("Settings").click(); await bob.button("Delete the account").click(); await bob.page.getByLabel("Type bob to go on").fill("bob"); await bob.button("Delete for good").click();
await new Promise(r => setTimeout(r, 3000));
console.log(await bob.page.locator("body").innerText());
console.log(world.faults);
} finally { await world.stop(); }
