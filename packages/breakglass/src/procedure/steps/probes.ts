import { placeOf } from '../../instances/verdict.ts'
import { noteOf, stopsTheRun } from '../errors.ts'
import { oldToken } from '../old-token.ts'
import { type BeforeRevocation, isUnavailable } from '../results.ts'
import type { Run } from '../run.ts'

/** Has a token made by the key that is about to be revoked, and sees what the instances do with it now. */
export function takeProbes(run: Run): Promise<void> {
  return run.step('probes', async () => {
    const old = await oldToken(run)
    const instances = await run.work(() => run.s.instances.instancesOf(run.plan.apis))
    const { baselines, problems } = await baselinesOf(run, instances, isUnavailable(old) ? undefined : old)
    return { old: isUnavailable(old) ? old : withoutToken(old), instances, baselines, problems }
  })
}

/** No instance is in the way of the revocation: what it would not say before is a smaller loss. */
async function baselinesOf(
  run: Run,
  instances: BeforeRevocation['instances'],
  old: Parameters<Run['s']['instances']['baselineOf']>[1],
): Promise<Pick<BeforeRevocation, 'baselines' | 'problems'>> {
  if (instances.length > 0) run.waitFor(instances.map(placeOf))
  try {
    const baselines = await run.work(() => run.s.instances.baselineOf(instances, old, run.signal))
    return { baselines, problems: [] }
  } catch (error) {
    if (stopsTheRun(error)) throw error
    return { baselines: [], problems: [`instances could not be asked before the revocation: ${noteOf(error).message}`] }
  }
}

function withoutToken({ token: _token, ...rest }: { token: string; kid: string; jti?: string; expiresAt?: string }) {
  return rest
}
