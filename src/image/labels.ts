/** Labels of the images that we make; containers inherit them, hence a prefix of their own. */
export const LABEL = {
  kind: 'assay.image.kind',
  key: 'assay.image.key',
  environment: 'assay.image.environment',
  lock: 'assay.image.lock',
  system: 'assay.image.system',
  repo: 'assay.image.repo',
  commit: 'assay.image.commit',
  anchors: 'assay.image.anchors',
  python: 'assay.image.python',
  pythonRequested: 'assay.image.python.requested',
} as const;
