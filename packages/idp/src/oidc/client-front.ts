import type { FastifyRequest } from 'fastify'
import type { Client } from '../credentials/client.ts'
import type { Instance } from '../instance.ts'
import { attemptOf, authenticate, setCaller } from '../tokens/authentication/authenticate.ts'
import { isPrintable } from '../tokens/authentication/presented.ts'
import type { Form } from '../tokens/form.ts'
import { isPublic } from './client-adapter.ts'

/** What clients authenticate by. None of it is passed on to the provider. */
const credentials = ['client_secret', 'client_assertion', 'client_assertion_type']

/**
 * Finds out which client makes a request that is to be passed on to the provider: one that authenticated, or a public one, which has
 * nothing to authenticate by.
 *
 * @throws OAuthError `invalid_client`, `invalid_request`; IdpError `RATE_LIMITED`, `OVERLOADED`
 */
export async function clientOf(instance: Instance, request: FastifyRequest, form: Form): Promise<Client> {
  const client = (await publicClient(instance, request, form)) ?? (await authenticated(instance, request, form))
  setCaller(request, client)
  // Reading it may have taken longer than the lease, and without one it may be stale.
  instance.requireLease()
  return client
}

async function authenticated(instance: Instance, request: FastifyRequest, form: Form): Promise<Client> {
  return (await authenticate(instance, attemptOf(instance, request, form, instance.clock()))).client
}

async function publicClient(instance: Instance, request: FastifyRequest, form: Form): Promise<Client | undefined> {
  const { client_id: clientId } = form
  const presents = request.headers.authorization !== undefined || credentials.some((name) => form[name] !== undefined)
  if (presents || clientId === undefined || !isPrintable(clientId)) return undefined
  const client = await instance.clients.get(clientId)
  return client && isPublic(client) ? client : undefined
}

/**
 * A form as the provider gets it: without what the client authenticated by, and with the proof that it did, which nobody else can put
 * there.
 */
export function passedOn(form: Form, client: Client, proof: string): Form {
  const rest = Object.fromEntries(Object.entries(form).filter(([name]) => !credentials.includes(name)))
  return { ...rest, client_id: client.clientId, ...(isPublic(client) ? {} : { client_secret: proof }) }
}
