# What rules call: each takes two whole numbers and prints one.
add() { echo $(($1 + $2)); }
avg() { echo $((($1 + $2) / 2)); }
div() { echo $(($1 / $2)); }
max() { echo $(($1 > $2 ? $1 : $2)); }
min() { echo $(($1 < $2 ? $1 : $2)); }
mod() { echo $(($1 % $2)); }
mul() { echo $(($1 * $2)); }
sub() { echo $(($1 - $2)); }
