const swc = (parser) => ({
  jsc: {
    target: 'es2023',
    parser: { syntax: 'typescript', ...parser },
    transform: { react: { runtime: 'automatic', importSource: 'preact' } },
  },
  module: { type: 'es6' },
});

export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/tests'],
  testMatch: ['**/*.test.{ts,tsx}'],
  extensionsToTreatAsEsm: ['.ts', '.tsx'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': ['@swc/jest', swc({})],
    '^.+\\.tsx$': ['@swc/jest', swc({ tsx: true })],
  },
  // Bounds for a hang, not for speed: shared machines are slow at times.
  testTimeout: 180_000,
  maxWorkers: '100%',
};
