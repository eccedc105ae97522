/** What is said to a person. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { normalName } from "../src/model/names.js";
import { brieflyWhen, connectionWords, dayName, explain, explainLinking, plural, sentence, size } from "../src/model/words.js";
import { MemoryError } from "./memory.js";

void test("an error of the package is said in its words, with what to do", () => {
  const problem = explain(new MemoryError("disk-full", "the disk is full", "make room and try again"));
  assert.deepEqual(problem, { code: "disk-full", text: "The disk is full.", remedy: "Make room and try again." });
  assert.equal(explain(new MemoryError("name-taken")).text, "This name is taken.");
  // Nothing that somebody else may have written is shown.
  assert.equal(explain(new Error("secret")).text.includes("secret"), false);
  assert.equal(explain("nonsense").code, "page");
});

void test("what is no link code is called that, whatever it is called below", () => {
  assert.equal(explainLinking(new MemoryError("not-a-code")).text, "This is not a link code.");
  assert.equal(explainLinking(new MemoryError("too-many-devices", "there are eight devices")).text, "There are eight devices.");
});

void test("sentences begin large and end with a stop", () => {
  assert.equal(sentence("it failed"), "It failed.");
  assert.equal(sentence("Did it?"), "Did it?");
  assert.equal(sentence("  "), "");
});

void test("amounts", () => {
  assert.equal(size(1), "1 byte");
  assert.equal(size(999), "999 bytes");
  assert.equal(size(1000), "1.0 kB");
  assert.equal(size(999_499), "999 kB");
  assert.equal(size(999_500), "1.0 MB");
  assert.equal(size(104_857_600), "105 MB");
  assert.equal(plural(1, "message", "messages"), "1 message");
  assert.equal(plural(1200, "message", "messages"), "1,200 messages");
});

void test("days as a calendar counts them", () => {
  const now = new Date(2026, 10, 21, 0, 30);
  assert.equal(dayName(new Date(2026, 10, 21, 0, 10), now), "Today");
  assert.equal(dayName(new Date(2026, 10, 20, 23, 59), now), "Yesterday");
  assert.equal(dayName(new Date(2026, 10, 16), now), "Monday");
  assert.equal(dayName(new Date(2026, 10, 14), now), "November 14");
  assert.equal(dayName(new Date(2025, 10, 14), now), "November 14, 2025");
  // Clocks differ: what is of tomorrow is not of last week.
  assert.equal(dayName(new Date(2026, 10, 22), now), "November 22");
  assert.equal(brieflyWhen(new Date(2026, 10, 20), now), "Fri");
});

void test("the connection in a word", () => {
  assert.deepEqual(connectionWords({ state: "online" }, 0), { tone: "good", short: "Connected", long: "" });
  const why = new MemoryError("unreachable", "the relay cannot be reached") as never;
  const waiting = connectionWords({ state: "waiting", why, until: new Date(12_000) }, 2_100);
  assert.equal(waiting.long, "The relay cannot be reached. Trying again in 10 s.");
  assert.equal(connectionWords({ state: "waiting", why, until: new Date(0) }, 5000).long, "The relay cannot be reached. Trying again now.");
  assert.equal(connectionWords({ state: "ended", why }, 0).tone, "bad");
});

void test("names as people type them", () => {
  assert.equal(normalName(" @Alice "), "alice");
});
