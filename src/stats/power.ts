/** 97.5 % and 80 % points of the standard normal distribution: two-sided alpha 0.05, power 80 %. */
const Z_ALPHA = 1.959963984540054;
const Z_POWER = 0.8416212335729143;

/**
 * The smallest mean difference of paired scores that a two-sided test at alpha 0.05 finds with 80 % power, from the mean square v of the
 * differences seen over n instances: the d that solves n d^2 = (z_0.975 sqrt(v) + z_0.8 sqrt(v - d^2))^2. With one attempt each v is the
 * share of instances that differ, and this is Connor (1987), Biometrics 43, 207-211, equation for McNemar's test; without "- d^2" it is
 * section 5 of Miller (2024), arXiv:2411.00640. Null where not even a difference in each of them would do.
 */
export function smallestDetectable(differences: readonly number[]): number | null {
  const n = differences.length;
  const meanSquare = differences.reduce((sum, value) => sum + value * value, 0) / n;
  const room = n + Z_POWER ** 2 - Z_ALPHA ** 2;
  if (room < 0 || !(meanSquare > 0)) return null;
  const root = Math.sqrt(meanSquare);
  const found = (root * (Z_ALPHA * Math.sqrt(n) + Z_POWER * Math.sqrt(room))) / (n + Z_POWER ** 2);
  return found <= root ? found : null;
}
