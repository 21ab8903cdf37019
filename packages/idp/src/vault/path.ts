/**
 * Where a credential's secrets are, below the mount. What Vault could take for more than a part of a name (a slash, a dot)
 * is written in hexadecimal after a tilde; UUIDs stay as they are.
 */
export function credentialPath(agentId: string, credentialId: string): string {
  return `agentidp/agents/${nameOf(agentId)}/credentials/${nameOf(credentialId)}`
}

function nameOf(id: string): string {
  return id.replace(/[^A-Za-z0-9_-]/gu, (other) => Buffer.from(other).toString('hex').replace(/../g, '~$&'))
}
