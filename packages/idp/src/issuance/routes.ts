import { unknownKeyring } from '@rekey/keyring'
import { type App, iso, isoOrNull, lineOf, time } from '@rekey/service'
import { z } from 'zod'
import { requireScope } from '../http/authorise.ts'
import type { Instance } from '../instance.ts'
import { codes } from '../openapi/errors.ts'
import { moveGate } from './carry-out.ts'
import { requestIssuance } from './request.ts'
import { type Issuance, loadIssuance, type Move } from './store.ts'

const wanted = z.object({
  keyring: lineOf(63),
  force: z.boolean().default(false),
  reason: lineOf(500).optional(),
})

const shown = z.object({
  keyring: z.string(),
  algorithm: z.string(),
  revision: z.number(),
  confirmed: z.boolean().describe('Every live instance goes by it'),
  move: z
    .object({
      to: z.string(),
      algorithm: z.string(),
      requestedAt: time,
      by: z.string(),
      forced: z.boolean(),
      reason: z.string().optional(),
      waiting: z.object({ for: z.array(z.string()), opensAt: time.nullable() }),
    })
    .optional()
    .describe('Asked for, and not made yet'),
})
const tags = ['keyrings']

/** Which keyring access tokens are issued by. */
export function issuanceRoutes(app: App, instance: Instance): void {
  const { store, hands, view, connection } = instance

  const read = {
    onRequest: requireScope(instance, 'keyrings:read'),
    schema: { tags, summary: 'Show which keyring access tokens are signed by', response: { 200: shown } },
  }
  app.get('/api/v1/issuance', read, async () => show(await loadIssuance(connection.db)))

  const write = {
    onRequest: requireScope(instance, 'keyrings:write', { whileFrozen: 'refused' }),
    schema: {
      tags,
      summary: 'Ask for tokens to be signed by another keyring',
      body: wanted,
      response: { 202: shown },
      refuses: codes('UNKNOWN_KEYRING', 'ALGORITHM_UNSUPPORTED'),
    },
  }
  app.put('/api/v1/issuance', write, async (request, reply) => {
    const { keyring, force, reason } = request.body
    const asked = { by: request.caller.clientId, forced: force, reason }
    return reply.code(202).send(await show(await requestIssuance(instance, keyring, asked)))
  })

  async function show({ keyring, revision, move }: Issuance) {
    const { algorithm } = await load(keyring)
    const confirmed = (await view.live()).every(({ applied }) => applied >= revision)
    return { keyring, algorithm, revision, confirmed, move: move && (await showMove(move)) }
  }

  async function showMove(move: Move) {
    const target = await load(move.to)
    const gate = await moveGate(connection.db, move, () => hands.observe(target))
    const { for: parties, opensAt } = gate.open ? { for: [], opensAt: null } : gate
    return {
      ...move,
      algorithm: target.algorithm,
      requestedAt: iso(move.requestedAt),
      waiting: { for: parties, opensAt: isoOrNull(opensAt) },
    }
  }

  async function load(name: string) {
    const keyring = await store.load(name)
    if (!keyring) throw unknownKeyring(name)
    return keyring
  }
}
