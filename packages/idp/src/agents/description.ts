import { lineOf } from '@rekey/service'
import { z } from 'zod'
import { everyManagementScope, scopeToken } from '../tokens/scopes.ts'

const text = lineOf(200)
const list = z.array(text).max(100)
const scope = z
  .string()
  .max(100)
  .regex(scopeToken, 'no scope (RFC 6749 §3.3)')
  .refine((name) => name !== everyManagementScope, 'reserved')
const scopes = z
  .array(scope)
  .max(100)
  .transform((names) => [...new Set(names)])
  .describe('What it may be granted. A management scope can be given by a caller whose token has it')

const members = {
  name: text,
  email: z.email().max(320),
  agentType: text,
  version: text,
  owner: text,
  deploymentEnv: text,
}
const described = z.strictObject(members)

/** What a caller says of a new agent. Strict: a misspelt `organizationId` would put it into another organization. */
export const newAgent = described.partial().extend({
  capabilities: list.default([]),
  scopes: scopes.default([]),
  organizationId: z
    .string()
    .regex(/^[\w.-]{1,100}$/, 'letters, digits, _, . and -')
    .optional()
    .describe("By default the caller's. Only the operator's organization begins another one"),
})
export type NewAgent = z.infer<typeof newAgent>

/** What changes in a description: what is not named stays, null clears. */
export const changedDescription = z.object({
  name: text.nullish(),
  email: members.email.nullish(),
  agentType: text.nullish(),
  version: text.nullish(),
  capabilities: list.nullish(),
  owner: text.nullish(),
  deploymentEnv: text.nullish(),
  scopes: scopes.optional(),
})
export type ChangedDescription = z.infer<typeof changedDescription>

/** The columns of a description; undefined where nothing was said. */
export function columnsOf({ agentType, deploymentEnv, capabilities, ...same }: ChangedDescription) {
  const { name, email, version, owner, scopes } = same
  return {
    name,
    email,
    version,
    owner,
    scopes,
    capabilities: capabilities === null ? [] : capabilities,
    agent_type: agentType,
    deployment_env: deploymentEnv,
  }
}
