/** What a learner can do, and that a link leads back to the same moment. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Lesson } from "../../src/learn/lesson.js";
import { isSame } from "../../src/learn/position.js";
import { anyRequest } from "./chance.js";
import { openNodeEngine } from "./node-engine.js";

let engine: Awaited<ReturnType<typeof openNodeEngine>>;

before(async () => {
  engine = await openNodeEngine();
});

function picture(lesson: Lesson): unknown {
  const { play, at, holdings, keys, chapter, theft } = lesson;
  return structuredClone([play.value, at.value, holdings.value, [...keys.value], chapter.value, theft.value]);
}

void test("forward and back again show the same", () => {
  for (let seed = 0; seed < 8; seed += 1) {
    const lesson = new Lesson(engine, "1");
    const { schedule, design } = anyRequest(seed);
    lesson.open(`#seed=${String(seed)}&do=${schedule}&design=${design}`);
    const last = lesson.positions.value.length - 1;
    lesson.goToIndex(0);
    const forward = [];
    for (let index = 0; index <= last; index += 1) {
      forward.push(picture(lesson));
      lesson.move(1);
    }
    for (let index = last; index >= 0; index -= 1) {
      assert.deepEqual(picture(lesson), forward[index], `seed ${String(seed)}, position ${String(index)}`);
      lesson.move(-1);
    }
  }
});

void test("a link leads to the same moment", () => {
  const lesson = new Lesson(engine, "1");
  for (let seed = 0; seed < 10; seed += 1) {
    const { schedule, design, theft } = anyRequest(seed);
    lesson.open(`#seed=${String(seed)}&do=${schedule}&design=${design}&steal=${theft?.victim ?? "bob"}@${String(theft?.after ?? 0)}`);
    assert.equal(lesson.problem.value, undefined);
    lesson.goToIndex(seed * 3);
    const again = new Lesson(engine, "2");
    again.open(lesson.address());
    assert.deepEqual(picture(again), picture(lesson));
    assert.equal(again.export(), lesson.export());
  }
  for (let chapter = 1; chapter <= 9; chapter += 1) {
    lesson.goToChapter(chapter);
    const again = new Lesson(engine, "3");
    again.open(lesson.address());
    assert.deepEqual(picture(again), picture(lesson));
  }
});

void test("what a link says wrongly is said, and shown is what was there before", () => {
  const lesson = new Lesson(engine, "7");
  const before = picture(lesson);
  for (const schedule of ["B", "A.dA2", "nonsense", "A..A"]) {
    lesson.open(`#seed=7&do=${schedule}`);
    assert.match(lesson.problem.value ?? "", /^action \d+/, schedule);
    assert.deepEqual(picture(lesson), before);
  }
  lesson.open("#seed=7&do=A&steal=bob@9");
  assert.match(lesson.problem.value ?? "", /after the last action/);
  for (const strange of ["#", "#seed=-1", "#seed=99999999999999999999", "#chapter=0&at=x", "#%%%", "#design=none"]) {
    lesson.open(strange);
    assert.equal(lesson.problem.value, undefined, strange);
    assert.equal(lesson.play.value.seed, "7");
  }
});

void test("what is done before the end replaces what came after", () => {
  const lesson = new Lesson(engine, "7");
  lesson.open("#seed=7&do=A.A.dA1.B");
  lesson.moveStep(-2);
  assert.equal(lesson.at.value.step, 2);
  lesson.act("xA1");
  assert.equal(lesson.play.value.schedule, "A.A.xA1");
  lesson.act("B");
  assert.match(lesson.problem.value ?? "", /Bob cannot write/);
  assert.equal(lesson.play.value.schedule, "A.A.xA1");
});

void test("a phone is stolen at the moment that is shown, and heals as the two go on", () => {
  const lesson = new Lesson(engine, "7");
  lesson.open("#seed=7&do=A.dA1.B.dB1.A.dA2");
  lesson.steal("bob");
  assert.deepEqual([lesson.theft.value?.after, lesson.theft.value?.healed], [6, null]);
  for (const action of ["B", "dB2", "A", "dA3", "B"]) lesson.act(action);
  assert.equal(lesson.theft.value?.healed, "B2");
  const readable = lesson.comparisons.value.map((one) => one.readable);
  assert.deepEqual(readable, [0, 3, 6]);
  lesson.choose("static-key");
  assert.equal(lesson.theft.value.rows.every((row) => row.readable), true);
  lesson.steal(null);
  assert.equal(lesson.theft.value, null);
  // Back before the theft, and on from there: it never happened.
  lesson.choose("double-ratchet");
  lesson.steal("alice");
  lesson.moveStep(-1);
  lesson.act("A");
  assert.equal(lesson.theft.value, null);
});

void test("the guided path ends in free play, with what was played", () => {
  const lesson = new Lesson(engine, "7");
  for (let chapter = 1; chapter < 9; chapter += 1) {
    assert.equal(lesson.chapter.value, chapter);
    assert.equal(lesson.theft.value, null);
    assert.equal(isSame(lesson.at.value, lesson.guided.value ?? { step: -1, event: 0 }), true);
    lesson.moveChapter(1);
  }
  assert.notEqual(lesson.theft.value, null);
  const { seed } = lesson.play.value;
  lesson.takeOver();
  assert.equal(lesson.guided.value, undefined);
  assert.equal(lesson.play.value.seed, seed);
  assert.equal(lesson.play.value.steps.length - 1, 9);
  assert.equal(lesson.theft.value?.after, 9);
});
