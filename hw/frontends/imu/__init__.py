"""The front end of Xylo IMU, stage by stage; `xylograph.hw.frontends` exports them."""
