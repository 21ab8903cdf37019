import { type App, transact } from '@rekey/service'
import { z } from 'zod'
import { type Authorised, requireScope } from '../../http/authorise.ts'
import type { Instance } from '../../instance.ts'
import { codes } from '../../openapi/errors.ts'
import { endTokensObtainedBy, revokeCredential } from '../revoke.ts'
import { credentialParams, revocation, shownCredential } from '../schema.ts'
import { showCredential } from '../show.ts'
import { found, one, tags } from './found.ts'

const same = {
  tags,
  summary: 'Revoke a credential with all its versions',
  params: credentialParams,
  refuses: codes('UNKNOWN_AGENT', 'UNKNOWN_CREDENTIAL'),
}
const end = { ...same, body: revocation, response: { 200: shownCredential } }
const remove = { ...same, response: { 204: z.null() } }

type Named = Authorised & { params: z.infer<typeof credentialParams> }

export function revokeRoutes(app: App, instance: Instance): void {
  const { config, store, view } = instance
  const { db } = instance.connection
  const onRequest = requireScope(instance, 'agents:write', { whileFrozen: 'allowed' })

  async function revoke(request: Named, cause: z.infer<typeof revocation>) {
    const { agent, credential } = await found(instance, request)
    const by = { actor: request.caller.clientId, ...cause }
    const revoked = await transact(db, (transaction) =>
      revokeCredential(transaction, credential.credentialId, agent.organization_id, by),
    )
    await view.everywhere(revoked.keyring.revision)
    // An instance that did not know it yet may have issued another one meanwhile.
    await endTokensObtainedBy(db, revoked)
    return { agent, revoked }
  }

  app.post(`${one}/revoke`, { onRequest, schema: end }, async (request) => {
    const { agent, revoked } = await revoke(request, request.body)
    return showCredential(revoked, agent, config, await store.now())
  })

  app.delete(one, { onRequest, schema: remove }, async (request, reply) => {
    await revoke(request, { reason: 'deleted' })
    return reply.code(204).send(null)
  })
}
