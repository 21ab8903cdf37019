import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import type { Plan } from '../../incident/plan.ts'
import type { FolderJournal } from '../../journal/folder.ts'
import type { EndedSessions, IdentityProvider, Inspection, Promotion, Revocation, Unavailable } from '../port.ts'
import { type Ask, asking, type Circumstances } from './ask.ts'
import type { CommandConfig, CommandName } from './config.ts'
import { probeBy } from './probes.ts'
import { missingParts } from './program.ts'
import * as replies from './replies.ts'
import { failed } from './run.ts'
import { denyEntries } from './sessions.ts'
import { sessionsGoOn, warningsOf } from './warnings.ts'

export interface CommandSurroundings extends Circumstances {
  journal: FolderJournal
  clock: Clock
  /** Who freezes and unfreezes when nobody is named. */
  operator: string
}

interface Parts extends CommandSurroundings {
  config: CommandConfig
  ask: Ask
}

/**
 * An identity provider that is steered by an operator's own commands, of which only `inspect`, `promote` and `revoke` must
 * be given. What the others would do is then unavailable, which `inspect` warns of.
 *
 * @throws BreakGlassError from each call: `COMMAND_FAILED`, `PROVIDER_UNREACHABLE` when a command ends with 75, `INTERRUPTED`
 */
export function commandProvider(config: CommandConfig, surroundings: CommandSurroundings): IdentityProvider {
  const { journal, clock } = surroundings
  const { commands, issuer, folder } = config
  const ask = asking(config, surroundings)
  const parts = { ...surroundings, config, ask }
  const optional = <Reply extends z.ZodType>(name: CommandName, document: object, reply: Reply) =>
    commands[name] ? ask(name, document, z.union([replies.unavailable, reply])) : Promise.resolve(notGiven(name))
  return {
    journal,
    inspect: (plan) => inspect(parts, plan),
    freeze: (plan) => freeze(parts, plan),
    unfreeze: async (incident, by) => {
      if (commands.unfreeze) await ask('unfreeze', { incident, ...by }, replies.nothing)
      await journal.unfroze(incident, by.operator ?? surroundings.operator, by.reason)
    },
    probe: async (plan, kind) =>
      commands.probe ? probeBy({ ask, issuer, folder, clock }, plan, kind) : notGiven('probe'),
    ...(commands.publish && {
      publish: (plan: Plan, waitingFor: (names: string[]) => void) => {
        waitingFor(['the command publish'])
        return ask('publish', { plan }, replies.publication)
      },
    }),
    promote: (plan, waitingFor) => promote(parts, plan, waitingFor),
    revoke: (plan, waitingFor) => revoke(parts, plan, waitingFor),
    endSessions: (plan) => endSessions(parts, plan),
    acknowledgements: async (incident) =>
      commands.acknowledgements ? ask('acknowledgements', { incident }, replies.acknowledgements) : undefined,
    changes: (plan) => optional('changes', { plan }, replies.changes),
    record: (incident) => optional('record', { incident }, replies.record),
  }
}

function notGiven(name: CommandName): Unavailable {
  return { unavailable: `there is no command ${name}` }
}

async function inspect({ config, ask, env, clock }: Parts, plan: Plan): Promise<Inspection> {
  const found = await ask('inspect', { plan }, replies.inspection)
  if (found.provider.issuer !== config.issuer) throw failed({ name: 'inspect' }, 'looked at another issuer')
  if (found.key && found.key.kid !== plan.kid) throw failed({ name: 'inspect' }, `looked at the key ${found.key.kid}`)
  const missing = await missingParts(config, env)
  return {
    ...found,
    obstacles: [...missing.map((message) => ({ code: 'SELF_LOCK' as const, message })), ...found.obstacles],
    warnings: [...warningsOf(config, plan), ...found.warnings],
    now: found.now ?? new Date(clock()).toISOString(),
  }
}

async function freeze({ config, ask, journal, operator }: Parts, plan: Plan) {
  if (!config.commands.freeze) return notGiven('freeze')
  const reply = await ask('freeze', { plan }, z.union([replies.unavailable, replies.frozen]))
  if ('unavailable' in reply) return reply
  const { frozenAt, now } = await journal.froze(plan.incident, operator)
  return { frozenAt: reply.frozenAt ?? frozenAt ?? now }
}

type WaitingFor = (names: string[]) => void

async function promote({ ask }: Parts, plan: Plan, waitingFor: WaitingFor): Promise<Promotion> {
  waitingFor(['the command promote'])
  const promotion = await ask('promote', { plan }, replies.promotion)
  if (promotion.successors.some(({ kid }) => kid === plan.kid)) {
    throw failed({ name: 'promote' }, 'named the compromised key as its own successor')
  }
  return promotion
}

async function revoke({ ask }: Parts, plan: Plan, waitingFor: WaitingFor): Promise<Revocation> {
  waitingFor(['the command revoke'])
  const revocation = await ask('revoke', { plan }, replies.revocation)
  if (revocation.revoked.some(({ kid }) => kid === plan.kid)) return revocation
  throw failed({ name: 'revoke' }, 'did not say that the compromised key is revoked')
}

/** Verifiers can deny what the plan says whether or not the provider ends anything. */
async function endSessions({ config, ask, clock }: Parts, plan: Plan): Promise<EndedSessions> {
  const { endedAt, entries, ...ended } = await endedBy(config, ask, plan)
  const moment = endedAt ?? new Date(clock()).toISOString()
  return { ...ended, entries: entries ?? denyEntries(plan.sessions, config.issuer, moment) }
}

async function endedBy({ commands }: CommandConfig, ask: Ask, plan: Plan): Promise<z.output<typeof replies.ended>> {
  if (plan.sessions.length === 0) return { stores: [] }
  if (!commands.endSessions) return { stores: [], incomplete: sessionsGoOn }
  const reply = await ask('endSessions', { plan }, z.union([replies.unavailable, replies.ended]))
  return 'unavailable' in reply ? { stores: [], incomplete: reply.unavailable } : reply
}
