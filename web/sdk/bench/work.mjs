// What is measured, the same in Node and on a page. Times are milliseconds; of the rounds the best one counts.

const ROUNDS = 5;
const TEXT = "x".repeat(256);

/** The time of one of `count` calls, in the best round; what comes before each round is not in it. */
async function best(count, before, work) {
  const times = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const given = await before(count);
    const began = performance.now();
    for (let index = 0; index < count; index += 1) await work(given, index);
    times.push((performance.now() - began) / count);
  }
  // The first one warms up.
  return Math.min(...times.slice(1));
}

/** Two devices with a session that both have used. */
async function talking(core) {
  const [alice, bob] = await Promise.all([core.Identity.generate("alice"), core.Identity.generate("bob")]);
  const withBob = await core.Session.start(alice, bob.oneTimeBundles()[0]);
  const withAlice = await core.Session.accept(alice.card);
  withAlice.decrypt(bob, withBob.encrypt("1"));
  withBob.decrypt(alice, withAlice.encrypt("2"));
  return { alice, bob, withBob, withAlice };
}

/** The ratchet alone (`sprag/core`). */
export async function ratchet(core, count) {
  const nothing = () => undefined;
  return {
    "make a device": await best(3, nothing, () => core.Identity.generate("alice")),
    "set up a session": await best(
      10,
      async (many) => {
        const [alice, bob] = await Promise.all([core.Identity.generate("alice"), core.Identity.generate("bob")]);
        return { alice, bob, bundles: bob.oneTimeBundles().slice(0, many) };
      },
      async ({ alice, bob, bundles }, index) => {
        const withBob = await core.Session.start(alice, bundles[index]);
        (await core.Session.accept(alice.card)).decrypt(bob, withBob.encrypt(TEXT));
      },
    ),
    encrypt: await best(count, () => talking(core), ({ withBob }) => withBob.encrypt(TEXT)),
    decrypt: await best(
      count,
      async (many) => {
        const two = await talking(core);
        return { ...two, messages: Array.from({ length: many }, () => two.withBob.encrypt(TEXT)) };
      },
      ({ withAlice, bob, messages }, index) => withAlice.decrypt(bob, messages[index]),
    ),
    "ping-pong": await best(
      count / 4,
      () => talking(core),
      ({ alice, bob, withBob, withAlice }) => {
        withAlice.decrypt(bob, withBob.encrypt(TEXT));
        withBob.decrypt(alice, withAlice.encrypt(TEXT));
      },
    ),
  };
}

/** Olm machines (@matrix-org/matrix-sdk-crypto-wasm), in memory, with a directory in between. */
export async function olm(matrix, count) {
  await matrix.initAsync();
  const { DeviceId, DeviceLists, OlmMachine, RequestType, UserId } = matrix;

  async function machine(name) {
    const user = new UserId(`@${name}:bench`);
    const raw = await OlmMachine.initialize(user, new DeviceId("ONE"));
    return { name: `@${name}:bench`, raw };
  }

  /** Uploads keys, and answers questions about them. */
  async function settle(directory, one) {
    for (const request of await one.raw.outgoingRequests()) {
      const body = JSON.parse(request.body);
      let answer = {};
      if (request.type === RequestType.KeysUpload) {
        const keys = (directory[one.name] ??= { one_time: {} });
        if (body.device_keys !== undefined) keys.device = body.device_keys;
        Object.assign(keys.one_time, body.one_time_keys);
        answer = { one_time_key_counts: { signed_curve25519: Object.keys(keys.one_time).length } };
      } else if (request.type === RequestType.KeysQuery) {
        const known = Object.entries(directory).map(([name, keys]) => [name, { ONE: keys.device }]);
        answer = { device_keys: Object.fromEntries(known), failures: {} };
      }
      await one.raw.markRequestAsSent(request.id, request.type, JSON.stringify(answer));
    }
  }

  async function two() {
    const directory = {};
    const [alice, bob] = [await machine("alice"), await machine("bob")];
    for (const one of [alice, bob]) await settle(directory, one);
    for (const one of [alice, bob]) {
      await one.raw.updateTrackedUsers([new UserId("@alice:bench"), new UserId("@bob:bench")]);
      await settle(directory, one);
    }
    return { directory, alice, bob };
  }

  async function claim({ directory, alice }) {
    const request = await alice.raw.getMissingSessions([new UserId("@bob:bench")]);
    if (request === null || request === undefined) throw new Error("there is a session");
    const [id, key] = Object.entries(directory["@bob:bench"].one_time)[0];
    const answer = { one_time_keys: { "@bob:bench": { ONE: { [id]: key } } }, failures: {} };
    await alice.raw.markRequestAsSent(request.id, request.type, JSON.stringify(answer));
  }

  const device = (of, name) => of.raw.getDevice(new UserId(name), new DeviceId("ONE"));
  const seal = async (to) => JSON.parse(await to.encryptToDeviceEvent("bench", { body: TEXT }));
  const open = async (one, sender, content) => {
    const events = JSON.stringify([{ type: "m.room.encrypted", sender, content }]);
    const [opened] = await one.raw.receiveSyncChanges(events, new DeviceLists(), new Map(), new Set());
    if (!opened.rawEvent.includes(TEXT)) throw new Error("it was not read");
  };

  async function pair() {
    const given = await two();
    await claim(given);
    const [toBob, toAlice] = [await device(given.alice, "@bob:bench"), await device(given.bob, "@alice:bench")];
    await open(given.bob, "@alice:bench", await seal(toBob));
    await open(given.alice, "@bob:bench", await seal(toAlice));
    return { ...given, toBob, toAlice };
  }

  return {
    "make a device": await best(3, () => undefined, () => machine("alice")),
    "set up a session": await best(1, two, async (given) => {
      await claim(given);
      await open(given.bob, "@alice:bench", await seal(await device(given.alice, "@bob:bench")));
    }),
    encrypt: await best(count, pair, ({ toBob }) => seal(toBob)),
    decrypt: await best(
      count,
      async (many) => {
        const given = await pair();
        const messages = [];
        for (let index = 0; index < many; index += 1) messages.push(await seal(given.toBob));
        return { ...given, messages };
      },
      ({ bob, messages }, index) => open(bob, "@alice:bench", messages[index]),
    ),
    "ping-pong": await best(count / 4, pair, async ({ alice, bob, toBob, toAlice }) => {
      await open(bob, "@alice:bench", await seal(toBob));
      await open(alice, "@bob:bench", await seal(toAlice));
    }),
  };
}

/** From `open`, with a new account, to a message that another one has read. */
export async function client(sprag, relay, options = {}) {
  const bob = await sprag.open({ relay, user: `bob-${crypto.randomUUID().slice(0, 8)}`, ...options });
  const times = { open: [], "open to first message": [], "send to read": [] };
  for (let round = 0; round <= ROUNDS; round += 1) {
    const began = performance.now();
    const alice = await sprag.open({ relay, user: `alice-${crypto.randomUUID().slice(0, 8)}`, ...options });
    const opened = performance.now();
    for (const from of [began, undefined]) {
      const since = from ?? performance.now();
      const heard = new Promise((resolve) => bob.once("message", resolve));
      await alice.send(bob.account, TEXT);
      await heard;
      times[from === undefined ? "send to read" : "open to first message"].push(performance.now() - since);
    }
    times.open.push(opened - began);
    await alice.close();
  }
  await bob.close();
  return Object.fromEntries(Object.entries(times).map(([work, all]) => [work, Math.min(...all.slice(1))]));
}
