import { setTimeout as delay } from 'node:timers/promises'
import { Administration } from './administration/client.ts'
import type { Clock } from './clock.ts'
import type { Estate } from './estate/estate.ts'
import { Load, ratePerApi, tokensOf } from './load/load.ts'
import { type Phase, phases } from './load/tally.ts'
import type { GateWait } from './phases/gates.ts'
import { algorithmMove, moveIssuance } from './phases/move.ts'
import { naiveRotation, settleAgain } from './phases/naive.ts'
import { plannedRotation } from './phases/planned.ts'
import { type RevocationResult, revocation, watchMs } from './phases/revocation.ts'
import type { Run } from './phases/run.ts'
import { anonymousPropagationMs, derivation, readers, settings } from './policy.ts'
import type { Report } from './report/report.ts'
import type { Terminal } from './terminal.ts'

const settleMs = 5_000

/** Takes a running estate through all phases, under load from the first to the last, and reports. */
export async function demonstrate(
  estate: Estate,
  terminal: Terminal,
  clock: Clock,
  interrupted: AbortSignal,
): Promise<Report> {
  const administration = new Administration(estate.issuer, estate.admin, clock, interrupted)
  const load = new Load(estate, clock, Math.random)
  const run: Run = { estate, administration, load, clock, terminal, interrupted, waiting: '' }
  terminal.print(introduction())
  // Nobody has seen a token yet, so nobody has to be waited for.
  await moveIssuance(run, 'signing-rs256', true)
  load.start()
  terminal.begin(() => statusLine(run))
  try {
    await settle(run)
    const gates: Report['gates'] = []
    const planned = async (phase: Phase, act: () => Promise<GateWait[]>) => {
      enter(run, phase)
      gates.push({ phase, waits: await act() })
    }
    await planned('first', () => plannedRotation(run, 'signing-rs256'))
    await planned('second', () => plannedRotation(run, 'signing-rs256'))
    await planned('move', () => algorithmMove(run))
    enter(run, 'naive')
    await naiveRotation(run, 'signing-es256')
    enter(run, 'settleAgain')
    await settleAgain(run, 'signing-es256', anonymousPropagationMs(settings, readers))
    enter(run, 'revocation')
    const revoked = await revocation(run, 'signing-es256')
    await load.stop()
    return reportOf(run, gates, revoked)
  } finally {
    terminal.end()
    await load.stop()
  }
}

function introduction(): string[] {
  const [ttl, maxAge] = [settings.tokenTtlMs, settings.jwksMaxAgeMs].map((ms) => `${ms / 1_000} s`)
  return [
    '',
    `Two instances of one identity provider; tokens live ${ttl}, the JWKS may be cached for ${maxAge}.`,
    `Four APIs at the defaults of their libraries, at ${ratePerApi} requests a second each. Three of them`,
    'are unknown to the identity provider. For them a new key is published for a time before it is used:',
    ...derivation(settings, readers),
    '',
  ]
}

async function settle(run: Run): Promise<void> {
  run.terminal.say('load runs; tokens are issued by signing-rs256')
  await delay(settleMs, undefined, { signal: run.interrupted })
}

function enter(run: Run, phase: Phase): void {
  run.load.phase = phase
  run.waiting = ''
  run.terminal.print(['', `— ${phases[phase]}`])
}

function statusLine({ load, waiting }: Run): string {
  const { requests, failures } = load.tally.in(load.phase)
  const wait = waiting ? `, waiting ${waiting}` : ''
  return `${phases[load.phase]}: ${requests} requests, ${failures} failed${wait}`
}

function reportOf(run: Run, gates: Report['gates'], revoked: RevocationResult): Report {
  const { tally } = run.load
  const all = Object.keys(phases) as Phase[]
  const countsOf = (target: string) => Object.fromEntries(all.map((phase) => [phase, tally.of(phase, target)]))
  const apis = run.estate.apis.map(({ name, label }) => ({ name, label, revokedKey: revoked.survivals.get(name) }))
  const idps = run.estate.idps.map((_url, index) => ({ name: tokensOf(index), label: `token endpoint ${index + 1}` }))
  return {
    anonymousPropagationMs: anonymousPropagationMs(settings, readers),
    targets: [...apis, ...idps].map((target) => ({
      ...target,
      phases: countsOf(target.name) as Report['targets'][number]['phases'],
    })),
    gates,
    revocation: { confirmedAfterMs: revoked.confirmedAfterMs, watchMs },
    plannedFailures: all.filter((phase) => phase !== 'naive').reduce((sum, phase) => sum + tally.in(phase).failures, 0),
  }
}
