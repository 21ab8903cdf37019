import { randomBytes, randomUUID } from 'node:crypto'
import { z } from 'zod'
import { CliError } from '../error.ts'
import { generatedPassword } from '../given-password.ts'
import type { Credential, User } from './document.ts'
import type { Home } from './home.ts'
import { readIfPresent, writePrivateFile } from './private-file.ts'

const credential = z.object({ clientId: z.uuid(), clientSecret: z.string().regex(/^sk_live_[0-9a-f]{64}$/) })
const user = z.object({ username: z.string().min(1), password: z.string().min(12) })
// The file of an earlier release has no user, and nothing for the BFF.
const clients = z.object({
  admin: credential,
  agent: credential,
  verifiers: z.tuple([credential, credential]),
  user: user.optional(),
  bff: credential.optional(),
})

type Stored = z.infer<typeof clients>

/**
 * What the estate starts with: an administrator, an agent, one verifier for each API, a user who may log in, and what the BFF
 * asks about tokens by.
 */
export type Clients = Stored & { user: User; bff: Credential }

/**
 * The estate's clients and its user: made at the first start, the same ones ever after.
 *
 * @throws CliError `START_FAILED` when the file is damaged: new credentials would lock running agents out in silence
 */
export function ensureClients(home: Home): Clients {
  const text = readIfPresent(home.clientsFile)
  const stored = text === undefined ? newClients() : readClients(text, home.clientsFile)
  const { user = newUser(), bff = newCredential() } = stored
  const made = { ...stored, user, bff }
  if (user === stored.user && bff === stored.bff) return made
  writePrivateFile(home.clientsFile, `${JSON.stringify(made, null, 2)}\n`)
  return made
}

function newClients(): Stored {
  return { admin: newCredential(), agent: newCredential(), verifiers: [newCredential(), newCredential()] }
}

function newUser(): User {
  return { username: 'admin', password: generatedPassword() }
}

function readClients(text: string, path: string): Stored {
  try {
    return clients.parse(JSON.parse(text))
  } catch (cause) {
    // Neither error may be passed on as a cause: both can quote the secrets that they stumbled over.
    const reason = cause instanceof SyntaxError ? 'no JSON' : 'incomplete'
    throw new CliError(
      'START_FAILED',
      `${path} is damaged (${reason}): restore it, or remove it to get new credentials`,
      {
        path,
      },
    )
  }
}

function newCredential(): Credential {
  return { clientId: randomUUID(), clientSecret: `sk_live_${randomBytes(32).toString('hex')}` }
}
