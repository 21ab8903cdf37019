/** Stands in the audit for what is done when an estate is set up, and as the owner of the agents that are made then. */
export const setupActor = 'rekey setup'
