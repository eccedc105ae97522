/**
 * A relay with the web chat in a process of its own, people in browsers and people in terminals. Whatever any
 * browser does is watched: no request leaves the relay's origin, and no policy is violated.
 */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
const run = promisify(execFile);
const CHECKOUT = fileURLToPath(new URL("../../../..", import.meta.url));
const TARGET = process.env["CARGO_TARGET_DIR"] ?? join(CHECKOUT, "target");
const SPRAG = process.env["SPRAG_BINARY"] ?? join(TARGET, "debug", "sprag");
const CHROMIUM = process.env["SPRAG_CHROMIUM"] ?? "/usr/bin/chromium";
/** What should happen must happen within this. */
export const SOON = 20_000;
/** One who talks in a terminal. */
export class Terminal {
    name;
    world;
    constructor(name, world) {
        this.name = name;
        this.world = world;
    }
    async sprag(...args) {
        const { stdout } = await run(SPRAG, ["-p", this.name, ...args], { env: this.world.environment, timeout: 60_000 });
        return stdout;
    }
    /** What is unread, as objects. */
    async recv(...args) {
        const lines = (await this.sprag("recv", "--json", ...args)).trim().split("\n").filter((line) => line !== "");
        return lines.map((line) => JSON.parse(line));
    }
    /** Starts a command that goes on, and gives the first line of its output that has this in it. */
    async until(pattern, ...args) {
        const child = spawn(SPRAG, ["-p", this.name, ...args], { env: this.world.environment, stdio: ["ignore", "pipe", "pipe"] });
        this.world.children.push(child);
        const said = [];
        const line = await new Promise((resolve, reject) => {
            for (const stream of [child.stdout, child.stderr]) {
                createInterface({ input: stream }).on("line", (heard) => {
                    said.push(heard);
                    if (pattern.test(heard))
                        resolve(heard);
                });
            }
            child.on("exit", () => { reject(new Error(`it ended: ${said.join("\n")}`)); });
        });
        return { line, child };
    }
}
export class World {
    children = [];
    /** What no browser should have done. */
    violations = [];
    foreign = [];
    faults = [];
    requests = 0;
    environment = {};
    origin = "";
    #folder = "";
    #relay;
    #browser;
    async start() {
        assert.ok(existsSync(SPRAG), `${SPRAG} is missing: cargo build -p sprag-cli`);
        assert.ok(existsSync(CHROMIUM), `${CHROMIUM} is missing: apt install chromium`);
        this.#folder = await mkdtemp(join(tmpdir(), "sprag-e2e-"));
        await this.relay("127.0.0.1:0");
        this.environment = { PATH: process.env["PATH"], HOME: this.#folder, XDG_DATA_HOME: join(this.#folder, "data"), SPRAG_RELAY: this.origin };
        this.#browser = await chromium.launch({
            executablePath: CHROMIUM,
            args: ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
        });
    }
    /** Starts the relay, also again where it was. */
    async relay(listen = new URL(this.origin).host) {
        const relay = spawn(SPRAG, ["serve", "--json", "--listen", listen, "--ops-listen", "off", "--registrations-per-address", "100+1000/h"], {
            env: { PATH: process.env["PATH"], SPRAG_DATA: join(this.#folder, "relay") }, stdio: ["ignore", "pipe", "inherit"],
        });
        this.#relay = relay;
        const ready = await once(createInterface({ input: relay.stdout }), "line");
        const { listening } = JSON.parse(ready[0]);
        this.origin = listening;
    }
    async stopRelay() {
        const relay = this.#relay;
        this.#relay = undefined;
        if (relay === undefined)
            return;
        relay.kill("SIGTERM");
        await once(relay, "exit");
    }
    async stop() {
        await this.#browser?.close();
        for (const child of this.children)
            child.kill();
        await this.stopRelay();
        await rm(this.#folder, { recursive: true, force: true });
    }
    /** What whoever runs the relay does beside it. */
    async admin(...args) {
        const environment = { PATH: process.env["PATH"], SPRAG_DATA: join(this.#folder, "relay") };
        const { stdout } = await run(SPRAG, ["admin", ...args], { env: environment, timeout: 60_000 });
        return stdout;
    }
    /** A file for somebody to send. */
    async file(name, bytes) {
        const path = join(this.#folder, name);
        await writeFile(path, bytes);
        return path;
    }
    path(name) {
        return join(this.#folder, name);
    }
    terminal(name) {
        return new Terminal(name, this);
    }
    /** A browser profile of its own, watched. */
    async person(options = {}) {
        assert.ok(this.#browser !== undefined);
        const context = await this.#browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
        context.setDefaultTimeout(SOON);
        await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: this.origin });
        await context.exposeBinding("spragViolation", (_, what) => { this.violations.push(what); });
        await context.addInitScript(() => {
            addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sample, sourceFile, lineNumber }) => {
                const told = window;
                told.spragViolation([violatedDirective, blockedURI, sample, sourceFile, lineNumber].join(" "));
            });
        });
        context.on("request", (request) => {
            this.requests += 1;
            const url = new URL(request.url());
            if (url.protocol === "blob:" || url.origin === this.origin)
                return;
            this.foreign.push(request.url());
        });
        context.on("page", (page) => { this.#watch(page); });
        return context;
    }
    #watch(page) {
        page.on("pageerror", (error) => { this.faults.push(error.stack ?? error.message); });
        page.on("websocket", (socket) => {
            this.requests += 1;
            if (new URL(socket.url()).host !== new URL(this.origin).host)
                this.foreign.push(socket.url());
        });
        page.on("console", (message) => {
            if (/content security policy|trusted type/i.test(message.text()))
                this.violations.push(message.text());
        });
    }
}
