import { World } from "./world.js"; import { register } from "./pages.js";
const world = new World(); await world.start();
try {
const alice = await register(world, "alice");
await alice.button("Devices").click(); await alice.button("Link a device").click(); await alice.page.getByLabel("Or paste the link code").fill("nonsense"); await alice.button("Link it").click();
await new Promise(r => setTimeout(r, 1500));
console.log(await alice.page.locator(".page-body").innerText());
} finally { await world.stop(); }
