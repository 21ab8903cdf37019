/** Vault's policies, in memory: paths with an asterisk at their end at most, and what may be done there. */

export type Capability = 'create' | 'delete' | 'list' | 'read' | 'update'

interface Rule {
  path: string
  capabilities: string[]
}

export function policyStore() {
  const policies = new Map<string, Rule[]>()
  return {
    set: (name: string, text: string) => void policies.set(name, rulesIn(text)),
    /** Of several rules for a path the most exact one counts. */
    allows(names: readonly string[], path: string, capability: Capability): boolean {
      if (names.includes('root')) return true
      return names.some((name) => {
        const matching = (policies.get(name) ?? []).filter((rule) => matches(rule.path, path))
        const [closest] = matching.sort((one, other) => other.path.length - one.path.length)
        return closest?.capabilities.includes(capability) ?? false
      })
    },
  }
}

function matches(pattern: string, path: string): boolean {
  return pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern
}

/** Of HCL as much as policies are written in. */
function rulesIn(text: string): Rule[] {
  return [...text.matchAll(/path\s+"([^"]+)"\s*\{\s*capabilities\s*=\s*\[([^\]]*)\]\s*\}/g)].map(
    ([, path = '', capabilities = '']) => ({
      path,
      capabilities: [...capabilities.matchAll(/"([^"]+)"/g)].map(([, name = '']) => name),
    }),
  )
}
