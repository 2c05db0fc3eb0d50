// Whose data this page shows: /t/NAME before any view is that tenant's; without it, the default tenant's.

const match = /^\/t\/([a-z0-9-]+)(\/.*)?$/.exec(location.pathname);

export const tenant = match ? match[1] : "default";

// The address within the tenant's part, and what that part begins with.
export const path = match ? match[2] || "/" : location.pathname;
export const home = match ? `/t/${tenant}` : "";

export function inTenant(address) {
  return address.startsWith("/") ? home + address : address;
}

export function ofTenant(address) {
  if (!match) return address;
  return `${address}${address.includes("?") ? "&" : "?"}tenant=${tenant}`;
}
