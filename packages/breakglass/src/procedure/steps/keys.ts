import type { Run } from '../run.ts'

/** The successor first: fresh tokens are never without a key. */
export function promoteSuccessor(run: Run): Promise<void> {
  return run.step('promote', async () => {
    await publishSuccessor(run)
    return run.ask((provider) => provider.promote(run.plan, run.waitFor))
  })
}

/**
 * Who polls must hold the successor before it signs: instances are made to look, and readers that nobody can make look are
 * given their time. An instance that cannot be reached is one of those.
 */
async function publishSuccessor(run: Run): Promise<void> {
  const { provider, instances: tools, refreshToken: token, monotonic, mayTell = () => true } = run.s
  const { publish } = provider
  if (!publish) return
  const { settleMs } = await run.ask(() => publish(run.plan, run.waitFor))
  const settled = monotonic() + settleMs
  const instances = (await run.work(() => tools.instancesOf(run.plan.apis))).filter(mayTell)
  await run.work(() => tools.refreshInstances(instances, { token, entries: [] }, run.signal))
  const leftMs = settled - monotonic()
  if (leftMs <= 0) return
  run.waitFor(['readers of the key set that nobody can make look'])
  await run.pause(leftMs)
}

export function revokeKey(run: Run): Promise<void> {
  return run.step('revoke', () => run.ask((provider) => provider.revoke(run.plan, run.waitFor)))
}
