import { recordEvent } from '@rekey/database'
import { KeyringError } from '@rekey/keyring'
import { type App, iso, isoOrNull, lineOf, shownKeyring, transact } from '@rekey/service'
import type { onRequestAsyncHookHandler } from 'fastify'
import { z } from 'zod'
import type { Bff } from '../bff.ts'
import { type ClientKeys, clientKeyringName, type ShownKeys } from '../provider/keys/client-keys.ts'
import { showClientKeyring } from './client-keyring.ts'

const path = `/internal/keyrings/${clientKeyringName}`
const reason = lineOf(500).optional()
const rotateBody = z.object({ force: z.boolean().default(false), reason }).nullish()

interface Hooks {
  read: onRequestAsyncHookHandler
  write: onRequestAsyncHookHandler
}

/** By what this BFF authenticates at the identity provider: which secret works, and the keys, as a keyring. */
export function clientRoutes(app: App, bff: Bff, { read, write }: Hooks): void {
  const { provider } = bff

  app.get('/internal/client', { onRequest: read }, async () => {
    const { clientId, method, secrets } = await provider.client()
    return {
      clientId: clientId ?? null,
      method,
      secrets: secrets.map(({ firstWorkedAt, tookOverAt, triedUntil, ...secret }) => ({
        ...secret,
        firstWorkedAt: isoOrNull(firstWorkedAt),
        tookOverAt: isoOrNull(tookOverAt),
        triedUntil: isoOrNull(triedUntil),
      })),
      keys: provider.keys ? keysOf(await provider.keys.shown()) : null,
    }
  })

  app.get(path, { onRequest: read, schema: { response: { 200: shownKeyring } } }, async () =>
    showClientKeyring(await heldKeys(bff).shown()),
  )

  const toRotate = { body: rotateBody, response: { 202: shownKeyring } }
  app.post(`${path}/rotate`, { onRequest: write, schema: toRotate }, async (request, reply) => {
    const keys = heldKeys(bff)
    const { signing: before } = await keys.shown()
    await noteRequest(bff, request.operator.clientId, request.body?.reason)
    await keys.rotate()
    const shown = await keys.shown()
    if (shown.signing?.kid === before?.kid && shown.waiting === undefined) {
      throw new KeyringError('ILLEGAL_TRANSITION', 'the key was published only now, and not replaced: rotate again')
    }
    return reply.code(202).send(showClientKeyring(shown))
  })

  for (const act of ['prepare', 'rollback', 'discard', 'revoke']) {
    app.post(`${path}/${act}`, { onRequest: write }, async () => {
      heldKeys(bff)
      throw new KeyringError('ILLEGAL_TRANSITION', instead[act] ?? '')
    })
  }
}

function keysOf({ signing, waiting, earlier, former, algorithm }: ShownKeys) {
  const used = signing && { kid: signing.kid, madeAt: iso(signing.madeAt) }
  return { algorithm, signing: used ?? null, waiting: waiting ?? null, earlier, former }
}

/** What to do in the place of what there is no such thing of. */
const instead: Readonly<Record<string, string>> = {
  prepare: 'a key of this client is made, registered and used by one rotation: rotate it',
  rollback: 'the key before is still registered, but not held here any more: rotate again',
  discard: 'a key that is waiting is one that the identity provider may know already: rotate again',
  revoke: 'rotate it, then have the identity provider take the old key out of the registration of this client',
}

/** The keyring in the list of all; nothing where this client has no keys. */
export async function clientKeyringsOf({ provider }: Pick<Bff, 'provider'>) {
  return provider.keys ? [showClientKeyring(await provider.keys.shown())] : []
}

function heldKeys({ provider }: Pick<Bff, 'provider'>): ClientKeys {
  if (provider.keys) return provider.keys
  throw new KeyringError(
    'UNKNOWN_KEYRING',
    'this client authenticates by a secret: GET /internal/client tells which works',
  )
}

function noteRequest({ connection }: Pick<Bff, 'connection'>, actor: string, why: string | undefined): Promise<void> {
  const details = { keyring: clientKeyringName, reason: why }
  const event = { action: 'keyring.rotation_requested', outcome: 'success', actor, details } as const
  return transact(connection.db, (transaction) => recordEvent(transaction, event))
}
