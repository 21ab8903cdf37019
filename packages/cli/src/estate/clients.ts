import { randomBytes, randomUUID } from 'node:crypto'
import { z } from 'zod'
import { CliError } from '../error.ts'
import type { Credential } from './document.ts'
import type { Home } from './home.ts'
import { readIfPresent, writePrivateFile } from './private-file.ts'

const credential = z.object({ clientId: z.uuid(), clientSecret: z.string().regex(/^sk_live_[0-9a-f]{64}$/) })
const clients = z.object({ admin: credential, agent: credential, verifiers: z.tuple([credential, credential]) })

/** The clients that the estate starts with: an administrator, an agent and one verifier for each API. */
export type Clients = z.infer<typeof clients>

/**
 * The estate's clients: made at the first start, the same ones ever after.
 *
 * @throws CliError `START_FAILED` when the file is damaged: new credentials would lock running agents out in silence
 */
export function ensureClients(home: Home): Clients {
  const text = readIfPresent(home.clientsFile)
  if (text !== undefined) return readClients(text, home.clientsFile)
  const made: Clients = {
    admin: newCredential(),
    agent: newCredential(),
    verifiers: [newCredential(), newCredential()],
  }
  writePrivateFile(home.clientsFile, `${JSON.stringify(made, null, 2)}\n`)
  return made
}

function readClients(text: string, path: string): Clients {
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
