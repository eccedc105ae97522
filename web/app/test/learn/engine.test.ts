/** The module is the engine: the same requests give the same bytes as by native code. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { follow } from "../../src/learn/keys.js";
import { PARTIES, type Holdings } from "../../src/learn/play.js";
import { anyRequest } from "./chance.js";
import { openNodeEngine } from "./node-engine.js";

const WORLDS = 60;
const requests = Array.from({ length: WORLDS }, (_, seed) => anyRequest(seed));
let engine: Awaited<ReturnType<typeof openNodeEngine>>;

before(async () => {
  engine = await openNodeEngine();
});

void test("WebAssembly and native code give the same documents, byte for byte", () => {
  const wrong = ['{"seed":"1","schedule":"B","design":"double-ratchet","theft":null}', "{", '{"seed":"x","schedule":"","design":"double-ratchet"}'];
  const input = [...requests.map((asked) => JSON.stringify(asked)), ...wrong];
  const project = fileURLToPath(new URL("../../../../../", import.meta.url));
  const native = spawnSync("cargo", ["run", "--quiet", "--locked", "-p", "sprag-learn-wasm", "--example", "plays"],
    { cwd: project, input: `${input.join("\n")}\n`, encoding: "utf8", maxBuffer: 2 ** 30, stdio: ["pipe", "pipe", "inherit"] });
  assert.equal(native.status, 0);
  const answers = native.stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as { document?: string; problem?: string });
  assert.equal(answers.length, input.length);
  for (const [index, request] of input.entries()) {
    const answer = answers[index];
    if (answer?.problem === undefined) assert.equal(engine.raw(request), answer?.document, request);
    else assert.throws(() => engine.raw(request), (problem) => problem === answer.problem, request);
  }
});

void test("within a step, the page follows the events to what the engine says at its end", () => {
  for (const asked of requests) {
    const { steps } = engine.play(asked);
    for (const party of PARTIES) {
      let held: Holdings = { keys: [], ratchet_key: null, theirs: null, stored: 0 };
      for (const step of steps) {
        held = follow(held, party, step.events);
        const { keys, ratchet_key, theirs } = step[party];
        assert.deepEqual({ ...held, stored: 0 }, { keys, ratchet_key, theirs, stored: 0 }, `${asked.seed}, step ${String(step.number)}`);
      }
    }
  }
});
