/** How the engine is asked, and what it answers. */
import type { z } from 'zod'
import { refusalOf, refused } from './refusal.ts'
import type { Reply, Request } from './send.ts'

/** Asks for what the engine has of one path, under the deadline of one act. */
export type Ask = (method: Request['method'], kind: Kind, body?: object, query?: string) => Promise<Reply>

type Kind = 'data' | 'destroy' | 'metadata'

/** @throws SecretsError `VAULT_REFUSED` when what answers is no such engine, and what {@link successful} throws */
export function answerOf<Schema extends z.ZodType>(reply: Reply, schema: Schema): z.infer<Schema> {
  const { data, success } = schema.safeParse(successful(reply))
  if (success) return data
  throw refused('what answers at VAULT_MOUNT is not a key-value engine of version 2')
}

/**
 * 204 becomes 200 when there are warnings.
 *
 * @throws SecretsError `VAULT_UNAVAILABLE`, `VAULT_REFUSED`
 */
export function successful(reply: Reply): unknown {
  if (reply.status === 200 || reply.status === 204) return reply.body
  throw refusalOf(reply)
}
