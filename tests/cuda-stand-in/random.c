// cuRAND: none of its functions is called.

int curandGetVersion(int *version) {
  *version = 10400;
  return 0;
}
