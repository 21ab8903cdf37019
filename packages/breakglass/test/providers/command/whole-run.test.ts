import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { makeEvidenceKey, readEvidenceKey } from '../../../src/evidence/key.ts'
import { verifyEvidence } from '../../../src/evidence/verify.ts'
import { type Plan, type PlanInput, plan } from '../../../src/incident/plan.ts'
import type { IncidentRecord, StepName } from '../../../src/incident/record.ts'
import { instanceTools } from '../../../src/instances/tools.ts'
import { isProved } from '../../../src/instances/verdict.ts'
import { folderJournal } from '../../../src/journal/folder.ts'
import { breakGlass, checkIncident } from '../../../src/procedure/break-glass.ts'
import type { Outcome, Surroundings } from '../../../src/procedure/surroundings.ts'
import { readCommandFile } from '../../../src/providers/command/file.ts'
import { commandProvider } from '../../../src/providers/command/provider.ts'
import { monotonicClock, systemClock } from '../../clock.ts'
import { joseApi, pollingApi, SECRET, serve } from '../../instances/estate.ts'
import { audience, type Foreign, startForeign } from './foreign/estate.ts'
import { kidOf, statusOf, underLoad } from './foreign/load.ts'
import { archiveTexts, journalTexts } from './foreign/texts.ts'

const delay = (ms: number, signal?: AbortSignal) => pause(ms, undefined, signal && { signal })

async function surroundings(foreign: Foreign, signal = new AbortController().signal): Promise<Surroundings> {
  const config = await readCommandFile(foreign.file, '/nowhere')
  const clocks = { clock: systemClock, monotonic: monotonicClock, pause: delay }
  const journal = folderJournal(config.folder, { clock: systemClock, operator: 'ops@console' })
  const circumstances = { journal, env: foreign.env, signal, clock: systemClock, operator: 'ops@console' }
  return {
    ...clocks,
    provider: commandProvider(config, { ...circumstances, onText: () => {} }),
    instances: instanceTools(clocks),
    evidence: {
      key: readEvidenceKey(makeEvidenceKey().pem),
      keep: async (incident, bytes) => {
        const path = join(foreign.folder, `${incident}.zip`)
        await writeFile(path, bytes)
        return path
      },
    },
    runner: 'ops@console (pid 1)',
    signal,
    refreshToken: SECRET,
    onChange: () => {},
    software: 'test',
    patienceMs: 1_000,
  }
}

interface Estate {
  foreign: Foreign
  ours: [string, string]
  jose: string
  incident: Plan
}

async function estateOf(test: TestContext, coolDownMs = 100): Promise<Estate> {
  const foreign = await startForeign(test, coolDownMs + 100)
  const issuer = { url: foreign.issuer, jwksUri: `${foreign.issuer}/jwks`, audience }
  const polling = async () => serve(test, await pollingApi(test, issuer))
  const ours = await Promise.all([polling(), polling()])
  const jose = await serve(test, joseApi(issuer, coolDownMs))
  const apis = [...ours.map((url) => ({ url, library: '@rekey/verifier' })), { url: jose, library: 'jose' }]
  const incident = plan.parse({
    incident: 'INC-7',
    kid: foreign.kid,
    reason: 'it was in a backup',
    sessions: [{ clientId: 'agent-8' }],
    apis,
    proveForMs: 2_000,
  } satisfies PlanInput)
  return { foreign, ours, jose, incident }
}

describe('a compromised key of an identity provider that is not ours', { timeout: 90_000 }, () => {
  it('is shut out under load, fresh tokens go on, and what cannot be made to look is named with its worst case', async (t) => {
    // Longer than it takes from its first look to the promotion: it would refuse a successor that nobody waited for.
    const { foreign, ours, jose, incident } = await estateOf(t, 4_000)
    const s = await surroundings(foreign)
    const [stolen, ended] = await Promise.all([foreign.token('agent-7'), foreign.token('agent-8', true)])
    for (const api of [...ours, jose]) assert.equal(await statusOf(api, stolen), 200)

    const end = underLoad(() => foreign.token('agent-7'), [...ours, jose], ours)
    const outcome = await breakGlass(incident, s)
    const { refused, kids, count } = await end()

    const [successor = ''] = await foreign.kids()
    assert.deepEqual([...kids].sort(), [foreign.kid, successor].sort(), 'requests were under way before and after')
    assert.ok(count > 50, `${count} requests`)
    assert.deepEqual(
      refused.filter(({ kid }) => kid !== foreign.kid),
      [],
      'no fresh token was refused',
    )

    for (const api of ours) assert.equal(await statusOf(api, stolen), 401)
    const verdicts = new Map(outcome.instances.map((verdict) => [verdict.url, verdict]))
    for (const api of ours) assert.ok(isProved(verdicts.get(api) ?? assert.fail()), JSON.stringify(verdicts.get(api)))
    assert.equal(verdicts.get(jose)?.oldRefused, false)
    assert.equal(verdicts.get(jose)?.freshAccepted, true)
    assert.ok(verdicts.get(jose)?.worstCase)
    assert.equal(outcome.contained, false)
    assert.ok(
      outcome.open.some((sentence) => sentence.includes(jose)),
      outcome.open.join('\n'),
    )
    assert.equal(await foreign.isActive(ended), false)

    const bytes = await readFile(outcome.evidence)
    const verified = verifyEvidence(bytes, { signer: s.evidence.key.fingerprint })
    assert.deepEqual([verified.consistent, verified.problems], [true, []])
    await nothingLeaks(foreign, bytes, stolen)
  })

  it('is proved once more by a check, with the token that was made before the key was gone', async (t) => {
    const { foreign, ours, incident } = await estateOf(t)
    const s = await surroundings(foreign)
    const apis = incident.apis.filter(({ library }) => library !== 'jose')
    const first = await breakGlass({ ...incident, apis }, s)
    assert.deepEqual([first.contained, first.instances.map(isProved)], [true, [true, true]], first.open.join('\n'))
    const again = await checkIncident('INC-7', await surroundings(foreign))
    assert.deepEqual([again.contained, again.instances.map(({ url }) => url)], [true, [...ours]], again.open.join('\n'))
  })

  it('ends the same for whoever goes on after an interruption in the middle of a command', async (t) => {
    const { foreign, ours, incident } = await estateOf(t)
    const interruption = new AbortController()
    const s = await surroundings(foreign, interruption.signal)
    const interrupted = whenRunning('revoke', s, () => interruption.abort())
    await assert.rejects(breakGlass(incident, interrupted), { code: 'INTERRUPTED' })
    await isShutOut(await breakGlass(incident, await surroundings(foreign)), foreign, ours)
  })

  it('ends the same when the provider was killed in the middle, and came back later', async (t) => {
    const { foreign, ours, incident } = await estateOf(t)
    const s = await surroundings(foreign)
    let killed: Promise<void> | undefined
    const failing = whenRunning('promote', s, () => {
      killed ??= foreign.stop()
    })
    await assert.rejects(breakGlass(incident, failing), { code: 'PROVIDER_UNREACHABLE' })
    await killed
    await foreign.restart()
    await isShutOut(await breakGlass(incident, await surroundings(foreign)), foreign, ours)
  })

  it('is left as it is when nobody knows it', async (t) => {
    const { foreign, incident } = await estateOf(t)
    const s = await surroundings(foreign)
    await assert.rejects(breakGlass({ ...incident, kid: 'never-heard-of' }, s), { code: 'UNKNOWN_KID' })
    assert.deepEqual(await foreign.kids(), [foreign.kid])
    assert.deepEqual(await s.provider.journal.list(), [])
  })
})

function whenRunning(step: StepName, s: Surroundings, act: () => void): Surroundings {
  const onChange = ({ steps }: IncidentRecord) => {
    if (steps.some(({ name, state }) => name === step && state === 'running')) act()
  }
  return { ...s, onChange }
}

async function isShutOut(outcome: Outcome, foreign: Foreign, ours: readonly string[]): Promise<void> {
  assert.ok(!(await foreign.kids()).includes(foreign.kid))
  const proved = outcome.instances.filter(isProved).map(({ url }) => url)
  assert.deepEqual(proved, [...ours], outcome.open.join('\n'))
}

/** Neither tokens nor secrets get into the journal or the evidence. */
async function nothingLeaks(foreign: Foreign, evidence: Uint8Array, token: string): Promise<void> {
  const everything = [...(await journalTexts(foreign)), ...archiveTexts(evidence)].join('\n')
  assert.ok(everything.includes(kidOf(token)), 'what was looked through tells of the key')
  for (const secret of [token, 'of-every-client-here', SECRET, '"d":']) assert.ok(!everything.includes(secret))
  assert.doesNotMatch(everything, /eyJ[\w-]{20,}\.eyJ/)
}
