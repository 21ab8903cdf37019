/**
 * A compromised key is shut out while processes die, stand still or say what is not so: the `rekey` that carries it out, the
 * instance that it talks to, the database, APIs, the chainer of the audit. Whoever goes on ends where nothing was disturbed.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { stepNames } from '@rekey/breakglass'
import { connect } from '@rekey/database'
import { freePort } from '@rekey/database/testing'
import type { IncidentDocument } from 'rekey'
import { FakeClock } from '../clock/fake.ts'
import { untilReady } from '../estate/administrator.ts'
import type { Member } from '../estate/estate.ts'
import { Server } from '../estate/server.ts'
import { endOf } from '../incident/end.ts'
import { lyingApi } from '../incident/lying-api.ts'
import { begin, endsAlike, type Incident, type Stage, settle, stageOf, watch } from '../incident/stage.ts'
import type { Passing } from '../wire/tap.ts'

const hourMs = 3_600_000

/** Those who carry it out: killed at each step, and two at once. */
export async function operatorsKilled(t: TestContext): Promise<void> {
  const stage = await stageOf(t)
  await killedAtEachStep(stage)
  await twoAtOnce(stage)
  await conclude(stage)
}

/** The identity provider: instances, the database, and all of it. */
export async function providerKilled(t: TestContext): Promise<void> {
  const server = await Server.start(t)
  const stage = await stageOf(t, server)
  await instanceKilledAtEachStep(stage)
  await databaseKilled(stage, server)
  await allRestarted(stage, server)
  await conclude(stage)
}

/** APIs that are away, stand still or lie; the chainer; the clock of whoever carries it out. */
export async function othersAstray(t: TestContext): Promise<void> {
  const stage = await stageOf(t)
  await withoutChainer(stage)
  await apisAstray(t, stage)
  const clock = await FakeClock.make(t)
  for (const aheadMs of clock ? [hourMs, -hourMs] : []) await underClock(stage, clock as FakeClock, aheadMs)
  await conclude(stage)
}

const resume = ({ id }: Incident) => ['break-glass', 'resume', id, '--json']
const check = ({ id }: Incident) => ['break-glass', 'check', id, '--json']

/** These are one request to an instance, which goes on with it whoever died. */
const acts = ['freeze', 'probes', 'promote', 'revoke', 'sessions']

/** As the journal shows it: opened; each step when it runs; those that act also when they are asked for, and when they are done. */
const moments = [
  'opened',
  ...stepNames.flatMap((name) => [
    `${name} running`,
    ...(acts.includes(name) ? [`${name} under way`, `${name} done`] : []),
  ]),
]

async function killedAtEachStep(stage: Stage): Promise<void> {
  const incident = await begin(stage, 'INC-OPERATOR')
  for (const moment of moments) {
    await killedAt(stage, moment === 'opened' ? incident.words : resume(incident), moment)
    // That a claim ends by itself costs 15 s, which are waited for once.
    if (moment !== 'revoke running') await endClaim(stage, incident)
  }
  await endsAlike(stage, incident, await stage.operator.rekey(...resume(incident)))
}

/** kill -9 of `rekey` before it hears that the journal has come so far, or what came of its request. */
async function killedAt(stage: Stage, words: readonly string[], moment: string): Promise<void> {
  const { process, ended } = stage.operator.start(words)
  const kill = async (at: string | undefined) => {
    if (at !== moment) return
    process.kill('SIGKILL')
    await ended
  }
  const asked = (passing: Passing) => kill(actOf(passing))
  const answered = (passing: Passing) => kill(momentOf(passing))
  const unwatch = watch(stage, { asked, answered })
  const { code, stderr } = await ended
  unwatch()
  assert.equal(code, null, `it was not killed at "${moment}": ${stderr}`)
}

function momentOf({ method, path, body }: Passing): string | undefined {
  if (method === 'POST' && path === '/api/v1/incidents' && !body?.dryRun) return 'opened'
  const [, step] = /\/steps\/(\w+)$/.exec(path) ?? []
  return step && `${step} ${body?.state}`
}

function actOf({ method, path }: Passing): string | undefined {
  const act = acts.find((name) => method === 'POST' && path.endsWith(`/${name}`))
  return act && `${act} under way`
}

async function endClaim({ database }: Stage, { id }: Incident): Promise<void> {
  await asOwner(database.ownerUrl, 'UPDATE incidents SET runner_until = now() WHERE incident = $1', id)
}

async function twoAtOnce(stage: Stage): Promise<void> {
  const incident = await begin(stage, 'INC-BOTH')
  const both = await Promise.all([1, 2].map(() => stage.operator.rekey(...incident.words)))
  for (const ran of both) assert.deepEqual(await endOf(stage, incident, ran), stage.undisturbed)
  for (const { stdout } of both) {
    const { steps }: IncidentDocument = JSON.parse(stdout)
    const repeated = steps.filter(({ name, attempts }) => attempts > 1 && name !== 'evidence')
    assert.deepEqual(repeated, [], 'each step was taken by one of them alone')
  }
  await settle(stage, incident)
}

/** kill -9 of the instance that is asked, with the request of the step on its way to it. */
async function instanceKilledAtEachStep(stage: Stage): Promise<void> {
  const incident = await begin(stage, 'INC-INSTANCE')
  const { idps } = stage.estate
  const calm = disturbed(stage)
  const killedIn = new Set<string>()
  const restarts: Promise<void>[] = []
  let due: string | undefined
  const unwatch = watch(stage, {
    async answered(passing) {
      const [step = '', state] = momentOf(passing)?.split(' ') ?? []
      if (state !== 'running' || killedIn.has(step)) return
      // With both instances away for long the APIs would lose their leases, and nothing could be proved.
      await Promise.all(restarts)
      due = step
    },
    async asked(_passing, tap) {
      if (due === undefined) return
      killedIn.add(due)
      due = undefined
      const { process, restart } = idps[stage.taps.indexOf(tap)] as Member
      await process.kill()
      restarts.push(restart())
    },
  })
  const ran = await stage.operator.rekey(...incident.words)
  unwatch()
  await Promise.all(restarts)
  calm()
  assert.deepEqual([...killedIn], [...stepNames])
  await endsAlike(stage, incident, ran)
}

async function databaseKilled(stage: Stage, server: Server): Promise<void> {
  const incident = await begin(stage, 'INC-DATABASE')
  const calm = disturbed(stage)
  let restarted: Promise<void> | undefined
  const unwatch = watch(stage, {
    asked({ path }) {
      if (path.endsWith('/revoke')) restarted ??= killAndRestart(server)
    },
  })
  const ran = await stage.operator.rekey(...incident.words)
  unwatch()
  assert.ok(restarted, 'it was killed')
  await restarted
  await Promise.all([...stage.estate.idps, ...stage.estate.apis].map(({ url }) => untilReady(url)))
  calm()
  await endsAlike(stage, incident, ran)
}

async function killAndRestart(server: Server): Promise<void> {
  await server.kill()
  await wait(1_000)
  await server.restart()
}

/** Frozen, and then every process of ours is killed and started again. */
async function allRestarted(stage: Stage, server: Server): Promise<void> {
  const incident = await begin(stage, 'INC-RESTART')
  assert.deepEqual(await endOf(stage, incident, await stage.operator.rekey(...incident.words)), stage.undisturbed)
  const calm = disturbed(stage)
  const { idps, apis } = stage.estate
  await Promise.all([...idps, ...apis].map(({ process }) => process.kill()))
  await killAndRestart(server)
  await Promise.all([...idps, ...apis].map((member) => member.restart()))
  await stage.polling.restart()
  calm()
  await endsAlike(stage, incident, await stage.operator.rekey(...check(incident)))
}

/** Nobody chains while somebody else holds the lock that chainers take. It spells "chain" in ASCII. */
const chainersLock = 0x63_68_61_69_6e

async function withoutChainer(stage: Stage): Promise<void> {
  const incident = await begin(stage, 'INC-CHAINER')
  const { pool, close } = connect(stage.database.ownerUrl, { max: 1 })
  const held = await pool.connect()
  await held.query('SELECT pg_advisory_lock($1)', [chainersLock])
  const { notes, evidence, ...end } = await endOf(stage, incident, await stage.operator.rekey(...incident.words))
  held.release(true)
  await close()
  const { notes: noted, evidence: proven, ...undisturbed } = stage.undisturbed
  assert.deepEqual(end, undisturbed, 'the key is shut out all the same')
  const [waiting = '', ...others] = notes.toReversed()
  assert.deepEqual(others.toReversed(), noted)
  assert.match(waiting, /\d+ events have no place in the chain yet/)
  assert.deepEqual({ ...evidence, waiting: 0, incomplete: undefined }, proven)
  assert.ok(evidence.waiting > 0)
  await endsAlike(stage, incident, await stage.operator.rekey(...check(incident)))
}

/** One is down, one stands still, one says that it has refreshed its keys, and accepts what it did before. */
async function apisAstray(t: TestContext, stage: Stage): Promise<void> {
  const { estate, operator, polling, caching } = stage
  const [slow, well] = estate.apis as [Member, Member]
  const down = `http://127.0.0.1:${await freePort()}`
  const liar = await lyingApi(t, caching.url)
  const incident = await begin(stage, 'INC-ASTRAY', [slow.url, well.url, polling.url, down, `${liar} library=jose`])
  const calm = estate.recording.disturb(slow.url)
  await slow.process.pause()
  const ran = await operator.rekey(...incident.words)
  const found = verdicts(ran.stdout)
  slow.process.wake()
  await untilReady(slow.url)
  calm()
  const proved = [true, true, true]
  const silent = [null, null, null]
  const accepting = [false, true, false]
  assert.deepEqual(found, [silent, proved, proved, silent, accepting])
  const { open, instances }: IncidentDocument = JSON.parse(ran.stdout)
  assert.match(instances[4]?.worstCase?.text ?? '', /jose keeps keys for 10 minutes/)
  for (const url of [slow.url, down, liar])
    assert.ok(
      open.some((text) => text.startsWith(url)),
      url,
    )
  const checked = await operator.rekey(...check(incident), '--api', liar)
  assert.deepEqual(verdicts(checked.stdout), [proved, proved, proved, silent, accepting])
  const { idps, evidence, notDone, frozen } = await endOf(stage, incident, checked)
  assert.partialDeepStrictEqual(stage.undisturbed, { idps, evidence, notDone, frozen })
  await settle(stage, incident)
}

function verdicts(stdout: string) {
  const { instances }: IncidentDocument = JSON.parse(stdout)
  return instances.map(({ oldRefused, freshAccepted, deniedRefused }) => [oldRefused, freshAccepted, deniedRefused])
}

/** Whoever carries it out has another time than everybody else. */
async function underClock(stage: Stage, clock: FakeClock, aheadMs: number): Promise<void> {
  const incident = await begin(stage, aheadMs > 0 ? 'INC-AHEAD' : 'INC-BEHIND')
  await clock.set(aheadMs)
  const { ended } = stage.operator.start(incident.words, clock.environment)
  await endsAlike(stage, incident, await ended)
}

/** From now on APIs may lose whom they listen to. */
function disturbed({ estate, polling }: Stage): () => void {
  const calms = [...estate.apis.map(({ url }) => url), polling.url].map((url) => estate.recording.disturb(url))
  return () => {
    for (const calm of calms) calm()
  }
}

/** What polls takes a key that is revoked until it is told; that it refuses it then is what the incidents proved. */
async function conclude({ estate, polling }: Stage): Promise<void> {
  await estate.conclude({ expected: new RegExp(`^${polling.url} accepted a token of \\S+ \\d+ ms after`) })
  const { judged, disturbances } = estate.recording
  const without = judged.filter(({ status }) => status !== 200 && status !== 401)
  const unexplained = without.filter(({ api, sentAt, at }) => {
    return !disturbances.some(({ party, from, to }) => party === api && from <= at && sentAt <= to)
  })
  assert.deepEqual(unexplained, [], 'where nothing was disturbed, every token was judged')
}

async function asOwner(ownerUrl: string, text: string, ...values: unknown[]): Promise<void> {
  const { pool, close } = connect(ownerUrl, { max: 1 })
  await pool.query(text, values)
  await close()
}
