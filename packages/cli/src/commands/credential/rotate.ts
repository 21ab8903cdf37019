import type { Command } from 'commander'
import { findAgent } from '../../client/agents.ts'
import type { IssuedCredential } from '../../client/credential.ts'
import { rotateCredential } from '../../client/credentials.ts'
import type { Credential } from '../../estate/document.ts'
import { homeOf } from '../../estate/home.ts'
import { rememberSecret } from '../../estate/own-clients.ts'
import { print, type Shell, tell } from '../../shell.ts'
import { atTime } from '../../terminal/moment.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'
import { agentArgument, credentialArgument, defined, duration, moment } from '../words.ts'
import { readPublicJwk } from './public-jwk.ts'
import { issuedText } from './text.ts'

interface RotateOptions {
  overlap?: string
  expiresAt?: string
  jwk?: string
}

/** `rekey credential rotate AGENT CREDENTIAL`: another secret, or key, in place of the one that it has. */
export function rotateCommand(shell: Shell): Command {
  return newCommand('rotate', 'replace the secret of a credential and print the new one, once')
    .addArgument(agentArgument())
    .addArgument(credentialArgument())
    .option('--overlap <span>', 'for how long the old one works too, for example 24h (default: not at all)', duration)
    .option('--expires-at <time>', 'when the new one ends by itself (default: after as long as the old one)', moment)
    .option('--jwk <file>', 'the new public key as JWK, of a credential that is a key')
    .action(async (name: string, id: string, { jwk: file, ...options }: RotateOptions, command: Command) => {
      const jwk = file === undefined ? undefined : readPublicJwk(file, shell.folder)
      const { overlap, expiresAt } = options
      const client = managementOf(shell, 'agents:read', 'agents:write')
      const agent = await findAgent(client, name)
      const json = await rotateCredential(client, agent, id, defined({ overlap, expiresAt, jwk }))
      // First of all: it is the only copy.
      print(shell, wantsJson(command), { json, text: `${issuedText(json)}\n\n${fate(json, shell.now())}` })
      if (json.clientSecret !== undefined) minded({ clientId: agent.agentId, clientSecret: json.clientSecret }, shell)
    })
}

/** Whoever rotates the secret that these commands use must be able to go on. */
function minded(credential: Credential, shell: Shell): void {
  if (rememberSecret(homeOf(shell.env, shell.folder), credential)) {
    tell(shell, 'It is of a client of this estate, whose home has the new secret now.')
  } else if (credential.clientId === shell.env.REKEY_CLIENT_ID) {
    tell(shell, 'These commands authenticate by that agent: set REKEY_CLIENT_SECRET to the new secret.')
  }
}

/** What becomes of the old one. */
function fate({ overlapEndsAt, kid }: IssuedCredential, now: number): string {
  const old = kid === undefined ? 'The old secret' : 'The old key'
  if (overlapEndsAt === undefined) return `${old} is dead on every instance.`
  return `${old} ends ${atTime(overlapEndsAt, now)}, or earlier, when the client has gone over to the new one.`
}
