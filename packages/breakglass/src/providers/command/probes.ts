import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { decodeUnverified } from '@rekey/verifier'
import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import { BreakGlassError } from '../../error.ts'
import type { Plan } from '../../incident/plan.ts'
import type { Probe, ProbeKind, Unavailable } from '../port.ts'
import type { Ask } from './ask.ts'
import { token, unavailable } from './replies.ts'
import { failed } from './run.ts'

/**
 * Probes by an operator's command. The one by the compromised key is made once and kept beside the journal, readable by its
 * owner alone, because it cannot be made again when the key is gone, and `check` tries it for weeks to come.
 */
export interface ProbeMint {
  ask: Ask
  issuer: string
  /** Where incidents are kept. */
  folder: string
  clock: Clock
}

export async function probeBy(mint: ProbeMint, plan: Plan, kind: ProbeKind): Promise<Probe | Unavailable> {
  if (kind !== 'compromised') return made(mint, plan, kind)
  const kept = await readKept(fileOf(mint, plan))
  if (kept && (kept.expiresAt === undefined || mint.clock() < Date.parse(kept.expiresAt))) return kept
  const probe = await made(mint, plan, kind)
  if (!('unavailable' in probe)) await keep(fileOf(mint, plan), probe)
  return probe
}

async function made({ ask, issuer }: ProbeMint, plan: Plan, kind: ProbeKind): Promise<Probe | Unavailable> {
  const reply = await ask('probe', { plan, kind }, z.union([unavailable, token]))
  if ('unavailable' in reply) return reply
  const probe = read(reply.token, issuer)
  const isByCompromised = probe.kid === plan.kid
  // A wrong token would be refused or accepted for a reason that has nothing to do with the incident, and prove nothing.
  if (kind === 'compromised' && !isByCompromised) throw wrong(`by the key ${probe.kid}, not by the compromised one`)
  if (kind !== 'compromised' && isByCompromised) throw wrong('by the compromised key: it still signs')
  if (kind === 'denied' && probe.jti === undefined) {
    return { unavailable: 'its tokens have no jti by which one of them could be denied' }
  }
  return probe
}

const header = z.object({ kid: z.string().min(1).max(200) })
const claims = z.object({
  iss: z.string(),
  jti: z.string().max(512).optional(),
  exp: z.number().max(8.64e12).optional(),
})

/** What a token says of itself: nothing here rests on it but which key it names. */
function read(compact: string, issuer: string): Probe {
  const said = decodeUnverified(compact)
  const head = header.safeParse(said?.header)
  const body = claims.safeParse(said?.payload)
  if (!head.success || !body.success) throw wrong('that is no JWT with a kid and an iss')
  const { iss, jti, exp } = body.data
  if (iss !== issuer) throw wrong('of another issuer')
  const expiresAt = exp === undefined ? undefined : new Date(exp * 1_000).toISOString()
  return { token: compact, kid: head.data.kid, ...(jti && { jti }), ...(expiresAt && { expiresAt }) }
}

function wrong(how: string): BreakGlassError {
  return failed({ name: 'probe' }, `answered a token ${how}`)
}

const keptProbe = z.object({
  token: z.string(),
  kid: z.string(),
  jti: z.string().optional(),
  expiresAt: z.string().optional(),
})

function fileOf({ folder }: ProbeMint, { incident }: Plan): string {
  return join(folder, incident, 'probe.json')
}

async function readKept(path: string): Promise<Probe | undefined> {
  try {
    return keptProbe.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    // Without the cause: a parser's message may quote the token.
    throw new BreakGlassError('FILE_FAILED', `${path} does not hold the token that was kept there`, { path })
  }
}

async function keep(path: string, probe: Probe): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.draft`
  await writeFile(draft, JSON.stringify(probe), { mode: 0o600, flush: true })
  await rename(draft, path)
}
