import { type InstanceAddress, type InstanceVerdict, isProved, placeOf } from '../../instances/verdict.ts'
import { oldToken } from '../old-token.ts'
import { isUnavailable } from '../results.ts'
import type { Run } from '../run.ts'

/** Makes every instance look for keys, and tells it what is denied. */
export function refreshEveryInstance(run: Run): Promise<void> {
  return run.step('refresh', async () => {
    const instances = await instancesOf(run)
    const waiting = new Set(instances.map(placeOf))
    if (waiting.size > 0) run.waitFor([...waiting])
    const entries = denied(run)
    const onAnswer = (answer: InstanceAddress) => {
      waiting.delete(placeOf(answer))
      run.waitFor([...waiting])
    }
    return inTwo(run, instances, (some, token) =>
      run.s.instances.refreshInstances(some, { token, entries, onAnswer }, run.signal),
    )
  })
}

/** The secret goes to those alone that may be told it. What came of it is in the order of the instances. */
async function inTwo<T>(
  run: Run,
  instances: readonly InstanceAddress[],
  act: (some: readonly InstanceAddress[], token: string | undefined) => Promise<T[]>,
): Promise<T[]> {
  const { refreshToken, mayTell = () => true } = run.s
  const [told, others] = [instances.filter(mayTell), instances.filter((each) => !mayTell(each))]
  const [ofTold, ofOthers] = await run.work(() => Promise.all([act(told, refreshToken), act(others, undefined)]))
  return instances.flatMap((each) => (mayTell(each) ? ofTold : ofOthers).splice(0, 1))
}

/** Has every instance refuse an old token, take a fresh one and refuse a denied one, until it does so without a break. */
export function proveEveryInstance(run: Run): Promise<void> {
  return run.step('prove', async () => {
    const instances = await instancesOf(run)
    if (instances.length === 0) return []
    const old = await oldToken(run)
    const waiting = new Set(instances.map(placeOf))
    run.waitFor([...waiting])
    const probes = {
      old: isUnavailable(old) ? undefined : old,
      fresh: () => run.ask((provider) => provider.probe(run.plan, 'fresh')),
      denied: () => run.ask((provider) => provider.probe(run.plan, 'denied')),
    }
    const request = { ...known(run), onRound: (verdict: InstanceVerdict) => told(run, waiting, verdict) }
    return inTwo(run, instances, (some, token) =>
      run.s.instances.proveInstances(some, probes, { ...request, token }, run.signal),
    )
  })
}

/** Anew each time: addresses behind a name come and go. */
function instancesOf(run: Run): Promise<InstanceAddress[]> {
  return run.work(() => run.s.instances.instancesOf(run.plan.apis))
}

function denied(run: Run): Record<string, string>[] {
  const sessions = run.result('sessions')
  return [{ kid: run.plan.kid }, ...(sessions && !isUnavailable(sessions) ? sessions.entries : [])]
}

function known(run: Run) {
  const { kid, proveForMs } = run.plan
  const verifiers = run.result('verifiers')
  const revoked = run.result('revoke')?.revoked.find((key) => key.kid === kid)
  return {
    kid,
    baselines: run.result('probes')?.baselines ?? [],
    refreshes: run.result('refresh') ?? [],
    verifiers: verifiers && !isUnavailable(verifiers) ? verifiers.missing : undefined,
    since: revoked?.revokedAt ?? run.record.now,
    withinMs: proveForMs,
  }
}

function told(run: Run, waiting: Set<string>, verdict: InstanceVerdict): void {
  if (isProved(verdict) && verdict.provedAt !== undefined) waiting.delete(placeOf(verdict))
  else waiting.add(placeOf(verdict))
  run.waitFor([...waiting])
}
